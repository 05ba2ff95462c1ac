"""The page's own style: tables, and which of the two drawings is shown. Colours follow the page's theme."""

STYLE = """
<style>
.ccp-table { overflow-x: auto; max-height: 32rem; overflow-y: auto; }
.ccp-table table { border-collapse: collapse; width: 100%; font-size: 0.875rem; }
.ccp-table th, .ccp-table td {
  padding: 0.3rem 0.7rem; text-align: left; vertical-align: top; border-bottom: 1px solid rgba(128, 128, 128, 0.35);
}
.ccp-table thead th { border-bottom: 2px solid rgba(128, 128, 128, 0.6); font-weight: 600; }
.ccp-table tbody th { font-weight: 400; }
.ccp-table th, .ccp-table td { white-space: nowrap; }
.ccp-table td:last-child:not(.figure) { white-space: normal; min-width: 10rem; }
.ccp-table .figure { text-align: right; font-variant-numeric: tabular-nums; }
.ccp-table:focus-visible { outline: 3px solid #2878b5; }
.st-key-drawing_narrow { display: none; }
.stMainBlockContainer { padding-top: 3.5rem; }
.stMain h1 { font-size: 2rem; }
.stMain h2 { font-size: 1.35rem; }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: inherit; opacity: 1; }
@media (max-width: 900px) {
  .st-key-drawing_narrow { display: flex; }
  .st-key-drawing_wide { display: none; }
}
</style>
"""
