"""The same run on a distributed engine. Not furnished yet.

Will hand `ccp.exposure` an executor; `ccp.exposure` knows nothing of it.
"""
