"""Django's SQLite backend with a FIFO queue of this process's write transactions.

SQLite has one writer at a time, and its waiters poll with growing pauses, without any order: under 300 clients some
polled for 30 s and failed. In the queue each thread waits for those that came before it; only the first one of each
process polls.
"""
