"""Other people's scanners, run as sealed programs: credentials by kingfisher or detect-secrets, workflows by zizmor."""

from deputy.adapters.scanners.scanners import Scanners as Scanners
