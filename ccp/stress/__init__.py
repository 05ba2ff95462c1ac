"""Losses over margin: of members by the house and client rule, and of groups of affiliates.

Sees margin, exposure and everything below; knows nothing of funds or tiers.
"""
