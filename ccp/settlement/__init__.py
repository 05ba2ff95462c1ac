"""The daily cycle: variation margin, calls, failures to pay, the ledger. Not furnished yet.

Will see sizing and everything below it.
"""
