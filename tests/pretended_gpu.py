"""A pretended GPU: tensors that say they lie on `cuda:0` while a CPU computes. No CUDA build of torch is needed.

Inside `pretended_gpu()`, `device="cuda"` works, and mistakes that only a GPU would show are errors: an operation on
tensors of two devices, a generator of the other device, and an operation that strict determinism forbids. Host syncs,
copies to the device and operations are counted.

Values are those of the CPU's kernels, bit for bit. Speed, memory and the GPU's own rounding are not pretended.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as tree

CUDA = torch.device("cuda", 0)
NAME = "Pretended GPU"
MEMORY = 16 * 2**30  # bytes
CPUGenerator = torch.Generator
aten = torch.ops.aten
SYNCS = {  # operations whose result, or its size, the host waits for
    aten._local_scalar_dense,
    aten.nonzero,
    aten.masked_select,
    aten.equal,
    aten.is_nonzero,
    aten._unique2,
    aten.unique_dim,
    aten.unique_consecutive,
    aten.bincount,
    aten.multinomial,
    aten._linalg_eigh,
    aten.linalg_inv_ex,
    aten.linalg_cholesky_ex,
    aten._linalg_check_errors,
}
ACROSS = {aten.copy_, aten._to_copy, aten.index, aten.index_put, aten.index_put_, aten._index_put_impl_}
FORBIDDEN = {aten.cumsum, aten.kthvalue, aten.median, aten.histc, aten.put_}  # on floats, by strict determinism


@dataclass
class Counts:
    """What the device has done since the last `reset`, by the name of the operation."""

    operations: Counter[str] = field(default_factory=Counter)
    syncs: Counter[str] = field(default_factory=Counter)  # the host waits for the device
    copies: Counter[str] = field(default_factory=Counter)  # of pageable memory to the device, which wait likewise
    uploads: int = 0  # copies of pinned memory that do not wait
    graphs: int = 0  # CUDA graphs recorded
    replays: int = 0

    def reset(self) -> None:
        self.operations.clear()
        self.syncs.clear()
        self.copies.clear()
        self.uploads = self.graphs = self.replays = 0


class GPUTensor(Tensor):
    """A tensor on the pretended GPU. `held` is its content, on the CPU."""

    held: Tensor
    counts = Counts()  # those of the open `pretended_gpu`
    graph: Any = None  # the CUDA graph that is being recorded

    @staticmethod
    def __new__(cls, held: Tensor) -> "GPUTensor":
        made = Tensor._make_wrapper_subclass(
            cls, held.size(), strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype
        )
        made.held = held
        return made

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        tensors = [each for each in tree.tree_leaves((args, kwargs)) if isinstance(each, Tensor)]
        _check(func, tensors, kwargs)
        _count(func, args, cls.counts)
        # The backward pass of a cast names the device that the wrapper has for autograd, too.
        is_cast = kwargs.get("dtype") not in (None, args[0].dtype) if func.overloadpacket is aten._to_copy else False
        if func.overloadpacket is aten._to_copy and _is_cpu(kwargs.get("device")) and not is_cast:
            return func(args[0].held, **kwargs)
        found = func(*tree.tree_map(content, args), **tree.tree_map(content, on_cpu(kwargs)))
        if func.overloadpacket is aten.copy_ and not isinstance(args[0], GPUTensor):
            return args[0]
        written = _written(func, args, kwargs)
        results = written if written is not None else tree.tree_map(_placed, found)
        if cls.graph is not None:
            cls.graph.add(func, args, kwargs, results)
        return results

    @property
    def device(self) -> torch.device:
        return CUDA

    @property
    def is_cuda(self) -> bool:
        return True

    @property
    def is_cpu(self) -> bool:
        return False

    @property
    def data(self) -> Tensor:
        return self.detach()

    @data.setter
    def data(self, value: "GPUTensor") -> None:
        if value.shape != self.shape or value.dtype != self.dtype:
            raise NotImplementedError("data of another shape or type")
        self.held = value.held

    def data_ptr(self) -> int:
        return self.held.data_ptr()

    def untyped_storage(self) -> Any:
        return self.held.untyped_storage()

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def numpy(self, *, force: bool = False) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first")

    def __deepcopy__(self, memo: Any) -> "GPUTensor":
        return memo.setdefault(id(self), self.clone())

    def __repr__(self, **options: Any) -> str:
        return f"GPUTensor({self.held!r})"


class GPUGenerator(CPUGenerator):
    """A generator of the pretended GPU."""

    @property
    def device(self) -> torch.device:
        return CUDA


class _Placement(TorchFunctionMode):
    """Makes tensors where `device=` says, and moves them with `to`, `cpu`, `cuda` and `pin_memory`."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in MOVES:
            return MOVES[func](*args, **kwargs)
        where = kwargs.get("device")
        moved = where is not None and _is_gpu(where)
        on_gpu = moved or any(isinstance(each, GPUTensor) for each in tree.tree_leaves((args, kwargs)))
        generator = next((each for each in (*args, *kwargs.values()) if isinstance(each, CPUGenerator)), None)
        if generator is not None and isinstance(generator, GPUGenerator) != on_gpu:
            wanted, found = ("cuda", "cpu") if on_gpu else ("cpu", "cuda")
            raise RuntimeError(f"Expected a '{wanted}' device type for generator but found '{found}'")
        made = func(*args, **on_cpu(kwargs))
        if not moved or isinstance(made, GPUTensor):
            return made
        if func in (torch.tensor, torch.as_tensor):
            GPUTensor.counts.copies["tensor"] += 1
        return tree.tree_map(_placed, made)


@contextlib.contextmanager
def pretended_gpu(names: Sequence[str] = (NAME,), uuids: Sequence[str] = ("GPU-pretended",)) -> Iterator[Counts]:
    """Let this process have GPUs of these names, which are pretended, and yield what the first of them counts."""
    from tests.pretended_graphs import CUDA_GRAPHS

    counts = Counts()
    cards = [
        SimpleNamespace(name=name, uuid=uuid, total_memory=MEMORY, major=9, minor=0)
        for name, uuid in zip(names, uuids, strict=True)
    ]
    future = torch.__future__
    replaced = future.get_overwrite_module_params_on_conversion()
    with (
        mock.patch.object(GPUTensor, "counts", counts),
        mock.patch.object(torch, "Generator", AnyGenerator),
        mock.patch.multiple(torch.cuda, **CUDA_MODULE, **CUDA_GRAPHS),
        mock.patch.multiple(
            torch.cuda,
            is_available=lambda: bool(cards),
            device_count=lambda: len(cards),
            get_device_name=lambda device=None: cards[_index(device)].name,
            get_device_properties=lambda device=None: cards[_index(device)],
        ),
        _Placement(),
    ):
        future.set_overwrite_module_params_on_conversion(True)  # a moved parameter is another object, as its type is
        try:
            yield counts
        finally:
            future.set_overwrite_module_params_on_conversion(replaced)


def _index(device: Any) -> int:
    return device if isinstance(device, int) else torch.device(device or "cuda").index or 0


def _nothing(*arguments: Any, **options: Any) -> None:
    pass


CUDA_MODULE: dict[str, Any] = {
    "current_device": lambda: 0,
    "get_device_capability": lambda device=None: (9, 0),
    "mem_get_info": lambda device=None: (MEMORY, MEMORY),
    "max_memory_allocated": lambda device=None: 2**20,
    "max_memory_reserved": lambda device=None: 2**21,
    "memory_allocated": lambda device=None: 2**20,
    "memory_reserved": lambda device=None: 2**21,
    "get_per_process_memory_fraction": lambda device=None: 1.0,
    **dict.fromkeys(("reset_peak_memory_stats", "empty_cache", "set_per_process_memory_fraction"), _nothing),
    "synchronize": lambda device=None: GPUTensor.counts.syncs.update(["synchronize"]),
}


class _IsGenerator(type):
    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, CPUGenerator)


class AnyGenerator(metaclass=_IsGenerator):
    """What `torch.Generator` is: it makes generators of either device."""

    def __new__(cls, device: Any = "cpu") -> Any:
        return GPUGenerator() if _is_gpu(device) else CPUGenerator(device)


def _is_gpu(device: Any) -> bool:
    return torch.device("cuda" if isinstance(device, int) else device).type == "cuda"


def _is_cpu(device: Any) -> bool:
    return device is not None and torch.device(device).type == "cpu"


def content(value: Any) -> Any:
    return value.held if isinstance(value, GPUTensor) else value


def _placed(value: Any) -> Any:
    return GPUTensor(value) if isinstance(value, Tensor) and not isinstance(value, GPUTensor) else value


def on_cpu(kwargs: dict[str, Any]) -> dict[str, Any]:
    where = kwargs.get("device")
    return {**kwargs, "device": torch.device("cpu")} if where is not None and _is_gpu(where) else kwargs


def _written(func: Any, args: Any, kwargs: Any) -> Any:
    """Return the arguments that `func` writes and returns; None if it returns new tensors."""
    aliased = [each.alias_info is not None and each.alias_info.is_write for each in func._schema.returns]
    if not aliased or not any(aliased):
        return None
    named = dict(zip((each.name for each in func._schema.arguments), args, strict=False)) | kwargs
    found = [named[a.name] for a in func._schema.arguments if a.alias_info is not None and a.alias_info.is_write]
    return found[0] if len(found) == 1 else tuple(found)


def _check(func: Any, tensors: list[Tensor], kwargs: Any) -> None:
    """Raise RuntimeError as CUDA does: for tensors of two devices, and for what strict determinism forbids."""
    packet, name = func.overloadpacket, func._schema.name
    foreign = [each for each in tensors if not isinstance(each, GPUTensor) and each.dim() > 0]
    indices_only = packet in ACROSS and (packet in (aten.copy_, aten._to_copy) or isinstance(tensors[0], GPUTensor))
    if foreign and not indices_only:
        raise RuntimeError(
            f"Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! ({name})"
        )
    strict = torch.are_deterministic_algorithms_enabled()
    if strict and packet in FORBIDDEN and tensors[0].is_floating_point():
        raise RuntimeError(f"{name} does not have a deterministic implementation")


def _count(func: Any, args: Any, counts: Counts) -> None:
    packet, name = func.overloadpacket, func._schema.name.removeprefix("aten::")
    counts.operations[name] += 1
    if packet in SYNCS:
        counts.syncs[name] += 1
    elif packet is aten.copy_ and not isinstance(args[0], GPUTensor):
        counts.syncs["copy_"] += not (len(args) > 2 and args[2] and _is_pinned(args[0]))
    elif packet is aten.copy_ and not isinstance(args[1], GPUTensor) and args[1].dim():
        _count_upload(args[1], len(args) > 2 and args[2], counts, "copy_")
    elif packet in ACROSS and packet not in (aten.copy_, aten._to_copy):
        for index in args[1]:
            if index is not None and index.dtype in (torch.bool, torch.uint8):
                counts.syncs[name] += 1  # as many rows as are True
            if index is not None and not isinstance(index, GPUTensor) and index.dim():
                counts.copies[name] += 1


def _count_upload(source: Tensor, non_blocking: bool, counts: Counts, name: str) -> None:
    if non_blocking and _is_pinned(source):
        counts.uploads += 1
    else:
        counts.copies[name] += 1


def _is_pinned(tensor: Tensor) -> bool:
    return getattr(tensor, "pinned", False)


def _pin_memory(tensor: Tensor, device: Any = None) -> Tensor:
    if isinstance(tensor, GPUTensor):
        raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned")
    pinned = tensor.clone()
    pinned.pinned = True
    return pinned


def _to(tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if "other" in kwargs or (args and isinstance(args[0], Tensor)):
        other = kwargs.pop("other", None) if "other" in kwargs else args[0]
        args = (other.device, other.dtype, *args[1:])
    copy = kwargs.pop("copy", False)
    device, dtype, non_blocking, memory_format = torch._C._nn._parse_to(*args, **kwargs)
    memory = {} if memory_format is None else {"memory_format": memory_format}
    here = CUDA if isinstance(tensor, GPUTensor) else tensor.device
    if device is None or device.type == here.type:
        with torch._C.DisableTorchFunction():
            return tensor.to(dtype=dtype or tensor.dtype, copy=copy, **memory)
    if tensor.requires_grad and torch.is_grad_enabled():
        raise NotImplementedError("a copy between devices that autograd records")
    with torch._C.DisableTorchFunction():
        if not isinstance(tensor, GPUTensor):
            if device.type == "meta":
                return tensor.to(device, dtype)
            _count_upload(tensor, non_blocking, GPUTensor.counts, "to")
            return GPUTensor(tensor.detach().to(dtype or tensor.dtype, copy=True, **memory))
        if device.type == "meta":
            return tensor.held.to(device, dtype)
        GPUTensor.counts.syncs["to"] += 1
        return tensor.detach().held.to(dtype or tensor.dtype, copy=True, **memory)


MOVES = {
    Tensor.to: _to,
    Tensor.cpu: lambda tensor: _to(tensor, "cpu"),
    Tensor.cuda: lambda tensor, device=None, non_blocking=False: _to(tensor, "cuda", non_blocking=non_blocking),
    Tensor.pin_memory: _pin_memory,
    Tensor.is_pinned: _is_pinned,
}
