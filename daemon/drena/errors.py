"""Errors a person reads: one sentence that names the thing and the way out, and the exit code of design section 11."""

from __future__ import annotations

import os
from enum import IntEnum


class Exit(IntEnum):
    """Exit codes of every command."""

    OK = 0
    JOB_FAILED = 1
    USAGE = 2
    CONFIGURATION = 3
    DATABASE = 4


class DrenaError(Exception):
    """Something a person can put right. The message is one clear sentence without secrets; it is all they see."""

    exit_code: Exit = Exit.JOB_FAILED


class UsageError(DrenaError):
    """The command names something that does not exist: an unknown tenant, job or provider."""

    exit_code = Exit.USAGE


class ConfigError(DrenaError):
    """A setting, file, directory, port or secret is wrong."""

    exit_code = Exit.CONFIGURATION


class DatabaseError(DrenaError):
    """The database cannot be reached, refuses us, or is newer than this program."""

    exit_code = Exit.DATABASE


class DatabaseAwayError(DatabaseError):
    """The database cannot be reached at the moment; time may heal it."""


def reason(error: OSError) -> str:
    """The operating system's words for an error, without number and path."""
    return os.strerror(error.errno).lower() if error.errno else str(error)
