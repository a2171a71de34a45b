"""Payments, refunds and invoices."""
