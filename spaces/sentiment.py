"""How positive is it? Part 1 of the course: 4 points, 4 trials.

2 data sets x (the last layer alone, all weights). The shipped sets are generated stand-ins for SST-5 and CFIMDB;
`--set data=path/ids-sst,path/ids-cfimdb` takes the course's files, `--set data=sst5` the hub's.
"""

from sweep import Space, grid

space = Space(
    task="sentiment",
    fixed={"epochs": 10, "batch_size": 8, "lr": 1e-3},
    axes={"data": grid("reviews", "verdicts"), "freeze": grid("base", None)},
)
