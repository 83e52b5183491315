"""The service on separate hosts: network namespaces on a bridge, run by `bin/test --hosts`."""
