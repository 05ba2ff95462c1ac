"""The pack's charts: frames in, altair charts out. Every chart is drawn wide, and narrow with fewer labels.

A colour has one meaning throughout, and no chart says anything by colour alone.
"""
