"""The pack in print: a PDF for A4, set by typst."""
