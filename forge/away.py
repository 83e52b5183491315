"""How redis-py tells that Redis is away."""

from redis.exceptions import RedisError

REDIS_AWAY = (RedisError, OSError)
