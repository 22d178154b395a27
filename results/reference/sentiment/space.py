"""How positive is it? Part 1 of the course: 4 points, 4 trials.

2 data sets x (only the last layer, all weights). The shipped data sets are generated stand-ins for SST-5 and CFIMDB;
`--set data=path/ids-sst,path/ids-cfimdb` uses the course's files, `--set data=sst5` those of the hub.
"""

from sweep import Space, grid

space = Space(
    task="sentiment",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-3},
    axes={"data": grid("reviews", "verdicts"), "freeze": grid("base", None)},
)
