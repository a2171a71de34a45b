"""Scanners of others, run as sealed programs: kingfisher or detect-secrets for credentials, zizmor for workflows."""

from deputy.adapters.scanners.scanners import Scanners as Scanners
