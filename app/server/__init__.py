"""The web server on this machine: sockets, waitress, the worker beside it, a clean stop."""
