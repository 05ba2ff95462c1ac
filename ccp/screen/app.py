"""What streamlit runs for every visitor, and again whenever a control moves."""

from ccp.screen.page import draw

draw()
