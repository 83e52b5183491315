"""The ledger by day, and of one account with its running balance, as a page and as CSV."""
