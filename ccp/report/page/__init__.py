"""The pack as one HTML file: everything it needs is in it, and it asks nothing of any network."""
