"""What can be wrong with a project folder."""

from __future__ import annotations


class ProjectError(ValueError):
    """A folder that cannot be used as a project; the message says why and what to do."""


class DamagedError(ValueError):
    """Bytes that are not what this program wrote; the reader goes on with what is whole."""
