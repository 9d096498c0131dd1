"""How the kernels are compiled, and a hint to the processor that Numba does not offer."""

from __future__ import annotations

from typing import Any

import numba as nb
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

get_function: Any = cgutils.get_or_insert_function
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}

compiled: Any = nb.njit(**_OPTIONS)
"""Compiled without reference counts: kernels allocate nothing and keep no array (decision 0030)."""

uncached: Any = nb.njit(**(_OPTIONS | {"cache": False}))
"""The same for functions that are made at run time and have no file."""


def _prefetch(typing_context: Any, array: Any, index: Any) -> Any:  # noqa: ARG001 - numba's signature
    """Ask the processor to bring the element at a flat ``index`` of a contiguous array near.

    A hint: it changes no value, and waits for nothing.
    """

    def emit(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), cgutils.voidptr_t)
        flag = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [cgutils.voidptr_t, flag, flag, flag])
        hint = get_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(hint, [pointer, flag(1), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


prefetch: Any = intrinsic(_prefetch)
"""Ask the processor to bring near the element at a flat index of a contiguous array."""
