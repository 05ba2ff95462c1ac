"""Tables of what there is: a word said twice is an error, and not a row that is lost."""

import pytest

from ccp.rows import by_word


def test_rows_by_their_words_in_order() -> None:
    assert list(by_word(("b", "a"), str).items()) == [("b", "b"), ("a", "a")]


def test_two_rows_of_one_word_are_refused() -> None:
    with pytest.raises(ValueError, match="two rows are called 'a'; one of each word was expected"):
        by_word(("a", "b", "a"), str)
