"""What breaks the service while clients use it: each acts on a stack under load and returns when all is mended."""
