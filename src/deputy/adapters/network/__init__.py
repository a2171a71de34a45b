"""The only way out of a sandbox: a proxy with a list of allowed hosts, on a Unix socket."""

from deputy.adapters.network.gateways import Gateways

__all__ = ["Gateways"]
