"""What CI looks at: a ratio, never seconds.

A small book is margined and stressed by us on one thread and by scipy and numpy, in turn in one process. One thread
each, so that a neighbour on a busy machine slows both alike; two of ours would wait for whichever has been put off.
Two cores with 512-bit vectors gave 3.9 to 4.1 while other programs wanted both, two with vectors of 256 bits 2.7 to
3.2. The floor is there for a kernel that has lost its vectors or its tiles, which costs far more than that.
"""

from benchmarks.jobs import CHECKED, Job, make_job
from benchmarks.turns import in_turn, median_ratio
from benchmarks.ways import OURS, SCIPY, check_same, on_one_thread, recorded, warm_up, ways_of

FLOOR = 2.5
ROUNDS, TRIES = 7, 2


def check(floor: float = FLOOR) -> int:
    """Exit status: 0 if the ratio is above the floor at the first or the second try."""
    warm_up()
    job = make_job(CHECKED)
    for _ in range(TRIES):
        ratio = ratio_of(job)
        print(f"{ratio:.2f} times as fast as {SCIPY}; the floor is {floor:g}", flush=True)
        if ratio >= floor:
            return 0
    return 1


def ratio_of(job: Job, rounds: int = ROUNDS) -> float:
    """How many times longer scipy and numpy take than we do on one thread: the median of the rounds'."""
    ours = on_one_thread(OURS)
    ways = {name: way for name, way in ways_of(job).items() if name in (ours, SCIPY)}
    calls, answers = recorded(ways)
    seconds = in_turn(calls, rounds)
    check_same(ways, answers)
    return median_ratio(seconds[SCIPY], seconds[ours])
