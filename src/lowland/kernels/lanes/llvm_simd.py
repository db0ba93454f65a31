"""Vector instructions written directly in LLVM, where Numba's loops are too slow.

An *emitter* is a function `emit(e, *args)` that writes instructions through an `Emit`. `kernel`
wraps it as one LLVM function that is never inlined: inlined, LLVM keeps the accumulators of
several tiles alive at once and spills them.
"""

from __future__ import annotations

from llvmlite import binding, ir

from lowland.kernels.compiler import cgutils, types

I64 = ir.IntType(64)
LANES = 8


def has_wide_registers() -> bool:
    """Return whether the processor has 32 vector registers of 512 bits."""
    return bool(binding.get_host_cpu_features().get("avx512f", False))


# accumulators of a Gram tile: most of the registers, a few left for loads and the broadcast
ACCUMULATORS = 24 if has_wide_registers() else 8


class Emit:
    """Instructions on vectors of `LANES` numbers; an address is (data pointer, element offset)."""

    def __init__(self, builder: ir.IRBuilder, scalar: ir.Type) -> None:
        self.b, self.scalar = builder, scalar
        self.vector = ir.VectorType(scalar, LANES)
        self.is_float = scalar == ir.FloatType()
        self.suffix = f"v{LANES}f{32 if self.is_float else 64}"
        self.bytes = 4 if self.is_float else 8

    def at(self, offset, *terms):
        """Return offset + the sum of t * n over terms (t, n), as an i64."""
        total = self.i(offset) if isinstance(offset, int) else offset
        for t, n in terms:
            t, n = (self.i(x) if isinstance(x, int) else x for x in (t, n))
            total = self.b.add(total, self.b.mul(t, n))
        return total

    def i(self, n):
        """Return an i64 constant."""
        return ir.Constant(I64, n)

    def constant(self, x):
        """Return a vector of equal numbers."""
        return ir.Constant(self.vector, [x] * LANES)

    def load(self, pointer, offset):
        """Return the vector at an offset."""
        return self.b.load(self._address(pointer, offset), align=self.bytes)

    def store(self, value, pointer, offset):
        """Write the vector at an offset."""
        self.b.store(value, self._address(pointer, offset), align=self.bytes)

    def shuffle(self, a, c, lanes):
        """Return the vector of the given lanes of a followed by c."""
        return self.b.shuffle_vector(a, c, ir.Constant(ir.VectorType(ir.IntType(32), LANES), lanes))

    def broadcast(self, pointer, offset):
        """Return the number at an offset in every lane."""
        undefined = ir.Constant(self.vector, ir.Undefined)
        number = self.b.load(self.b.gep(pointer, [offset]))
        one = self.b.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
        return self.shuffle(one, undefined, [0] * LANES)

    def call(self, name, *arguments):
        """Return the vector form of an LLVM intrinsic."""
        kind = ir.FunctionType(self.vector, [self.vector] * len(arguments))
        function = cgutils.get_or_insert_function(self.b.module, kind, f"llvm.{name}.{self.suffix}")
        return self.b.call(function, arguments)

    def fma(self, a, b, c):
        """Return a * b + c."""
        return self.call("fma", a, b, c)

    def fnma(self, a, b, c):
        """Return c - a * b."""
        return self.call("fma", self.b.fneg(a), b, c)

    def loop(self, low, high, accumulators, body):
        """Run ``for i in range(low, high): accumulators = body(i, accumulators)`` in registers."""
        b = self.b
        before, head = b.block, b.append_basic_block()
        run, done = b.append_basic_block(), b.append_basic_block()
        b.branch(head)
        b.position_at_end(head)
        i, phis = b.phi(I64), [b.phi(a.type) for a in accumulators]
        for phi, start in zip([i, *phis], [low, *accumulators], strict=True):
            phi.add_incoming(start, before)
        b.cbranch(b.icmp_signed("<", i, high), run, done)
        b.position_at_end(run)
        new = body(i, phis)
        for phi, value in zip([i, *phis], [b.add(i, self.i(1)), *new], strict=True):
            phi.add_incoming(value, b.block)
        self._forbid_unrolling(b.branch(head))
        b.position_at_end(done)
        return phis

    def _forbid_unrolling(self, jump):
        # unrolled, twice the loads are in flight and the accumulators spill
        module = self.b.module
        node = module.add_metadata([self.i(len(module.metadata))])
        node.operands = (node, module.add_metadata([ir.MetaDataString(module, "llvm.loop.unroll.disable")]))
        jump.set_metadata("llvm.loop", node)

    def _address(self, pointer, offset):
        return self.b.bitcast(self.b.gep(pointer, [offset]), self.vector.as_pointer())


def literals(*arguments):
    """Return the values of compile-time integers, or None if one is not known yet."""
    if all(isinstance(a, types.IntegerLiteral) for a in arguments):
        return tuple(a.literal_value for a in arguments)
    return None


def kernel(emit, constants, arguments):
    """Return (signature, code generator) of an intrinsic that runs `emit` as its own function.

    Parameters
    ----------
    emit : callable
        ``emit(e, *constants, *arguments)``; arrays arrive as data pointers, integers as i64.
    constants : tuple of int
        Compile-time integers.
    arguments : tuple of Numba types
        The first must be an array; it sets the scalar type.
    """
    run_time = [types.intp if isinstance(a, types.Integer) else a for a in arguments]
    signature = types.void(*[types.literal(c) for c in constants], *run_time)

    def generate(context, builder, signature, values):
        kinds, values = signature.args[len(constants) :], values[len(constants) :]
        plain = [
            context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(kinds, values, strict=True)
        ]
        name = builder.module.get_unique_name(emit.__name__)
        function = ir.Function(builder.module, ir.FunctionType(ir.VoidType(), [v.type for v in plain]), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        inner = ir.IRBuilder(function.append_basic_block())
        emit(Emit(inner, context.get_data_type(kinds[0].dtype)), *constants, *function.args)
        inner.ret_void()
        builder.call(function, plain)
        return context.get_dummy_value()

    return signature, generate
