"""Jobs shared by the benchmarks; the medium book only with `--medium`."""

import pytest

from benchmarks.jobs import MEDIUM, SMALL, Job, make_job


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--medium", action="store_true", help="also the medium book: 10 million positions")


@pytest.fixture(scope="session", params=[SMALL, MEDIUM], ids=lambda size: size.name)
def job(request: pytest.FixtureRequest) -> Job:
    if request.param is MEDIUM and not request.config.getoption("--medium"):
        pytest.skip("needs --medium")
    return make_job(request.param)
