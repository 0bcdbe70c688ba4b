"""Digests over an access event: of its body as a leaf of the tree, and of the detail that may be removed."""

from __future__ import annotations

import hashlib


def leaf_hash(body_bytes: bytes) -> str:
    """Return the RFC 6962 leaf hash (hex) of a body."""
    return hashlib.sha256(b"\x00" + body_bytes).hexdigest()


def seal_detail(salt: bytes, detail: bytes) -> str:
    """Return the digest (hex) that binds the removable detail to the body."""
    return hashlib.sha256(salt + detail).hexdigest()
