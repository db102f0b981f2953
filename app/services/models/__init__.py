"""Connections to servers of models: keep them, test them, find those on this computer, and call them."""

from app.core.connections import Values
from app.services.models.calling import Started, client_of, endpoint_of, list_uses, record_use, sum_uses
from app.services.models.connections import (
    Sends,
    add_connection,
    add_tuned,
    change_connection,
    describe_connection,
    describe_key,
    describe_sending,
    get,
    list_connections,
    remove_connection,
    restore_connection,
    values_of,
)
from app.services.models.finding import connect_found, disconnect_found, find_servers, list_found
from app.services.models.testing import test_connection

__all__ = [
    "Sends",
    "Started",
    "Values",
    "add_connection",
    "add_tuned",
    "change_connection",
    "client_of",
    "connect_found",
    "describe_connection",
    "describe_key",
    "describe_sending",
    "disconnect_found",
    "endpoint_of",
    "find_servers",
    "get",
    "list_connections",
    "list_found",
    "list_uses",
    "record_use",
    "remove_connection",
    "restore_connection",
    "sum_uses",
    "test_connection",
    "values_of",
]
