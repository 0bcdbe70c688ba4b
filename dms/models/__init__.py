"""SQLAlchemy mapped classes only, one module per noun; importing this maps them all."""

from dms.models import (
    accessevents,
    accesslists,
    accessproposals,
    accessreviews,
    aggregations,
    documents,
    imports,
    logalerts,
    logexports,
    logretention,
    schemes,
    scopes,
    security,
    types,
    users,
    versions,
)

__all__ = [
    "accessevents",
    "accesslists",
    "accessproposals",
    "accessreviews",
    "aggregations",
    "documents",
    "imports",
    "logalerts",
    "logexports",
    "logretention",
    "schemes",
    "scopes",
    "security",
    "types",
    "users",
    "versions",
]
