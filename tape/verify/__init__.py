"""Verification of derivatives; needs hypothesis."""
