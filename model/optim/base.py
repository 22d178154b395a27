"""torch's `Optimizer`, without the second that importing torch's compiler costs when the first one is built."""

import inspect

from torch import optim


class Optimizer(optim.Optimizer):
    """The base class of our optimizers. These methods are torch's, without the wrapper that imports the compiler."""

    add_param_group = inspect.unwrap(optim.Optimizer.add_param_group)
    load_state_dict = inspect.unwrap(optim.Optimizer.load_state_dict)
    state_dict = inspect.unwrap(optim.Optimizer.state_dict)
    zero_grad = inspect.unwrap(optim.Optimizer.zero_grad)
