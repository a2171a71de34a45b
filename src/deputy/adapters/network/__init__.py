"""The only way out of a sandbox: an allowlisting proxy on a Unix socket."""

from deputy.adapters.network.gateways import Gateways

__all__ = ["Gateways"]
