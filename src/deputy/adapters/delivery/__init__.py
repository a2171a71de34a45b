"""Destinations for patches."""

from deputy.adapters.delivery.thread import ThreadDelivery

__all__ = ["ThreadDelivery"]
