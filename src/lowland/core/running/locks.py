"""Locks of objects that carry none, since they are copied, pickled and compared by what they hold."""

from __future__ import annotations

from threading import Lock, RLock
from typing import Any
from weakref import WeakKeyDictionary

_LOCKS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_GUARD = Lock()


def lock_of(owner: object) -> Any:
    """Return the lock of an object, the same for all threads; a copy of the object has one of its own."""
    with _GUARD:
        if owner not in _LOCKS:
            _LOCKS[owner] = RLock()
        return _LOCKS[owner]
