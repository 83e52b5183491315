"""Django's PostgreSQL backend with a pool whose health check takes no round trip."""
