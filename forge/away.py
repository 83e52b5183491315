"""How redis-py tells that Redis is away."""

from redis.exceptions import RedisError

# ValueError: "I/O operation on closed file", of a connection that another thread gives up while this one reads from it.
REDIS_AWAY = (RedisError, OSError, ValueError)
