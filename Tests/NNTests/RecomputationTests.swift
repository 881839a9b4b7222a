import NN
import Synchronization
import Testing
import Torch

/// Layers that are computed again in backward instead of keeping what they computed.
@Suite("Recomputation of layers")
struct RecomputationTests {
    /// A layer that counts how often it is computed.
    private struct Layer: Sendable {
        let linear: Linear
        let calls: Calls

        func callAsFunction(_ x: Tensor) -> Tensor {
            calls.count.add(1, ordering: .relaxed)
            return x + linear(x).gelu()
        }
    }

    private final class Calls: Sendable {
        let count = Atomic(0)
        var value: Int { count.load(ordering: .relaxed) }
    }

    /// Two layers with or without LoRA terms, and how often they were computed.
    private struct Stack {
        let store: ParameterStore
        let layers: [Recomputable<Layer>]
        let calls: Calls

        init(lora: Bool = true) {
            let adaptation = LowRankAdaptation(rank: 2, alpha: 4, dropout: 0.5, targets: ["linear"])
            let store = ParameterStore(adaptation: lora ? adaptation : nil)
            let calls = Calls()
            (self.store, self.calls) = (store, calls)
            layers = (0..<2).map { index in
                Recomputable(at: store.root / "layers" / index) {
                    Layer(linear: Linear(8, 8, bias: false, at: $0 / "linear"), calls: calls)
                }
            }
            store.initialize(seed: 1)
            // B begins at zero, which would leave A without gradients.
            for parameter in store.adapterParameters {
                withoutGrad {
                    parameter.tensor.add_(
                        Tensor.randn(parameter.shape, generator: Generator(seed: UInt64(parameter.name.utf8.count))))
                }
            }
        }

        func callAsFunction(_ x: Tensor) -> Tensor { layers.reduce(x) { x, layer in layer(x) { $0($1) } } }
    }

    /// More rows than the kernel for few of them takes, which stands back where gradients are recorded.
    private var input: Tensor { Tensor.randn([64, 8], generator: Generator(seed: 2)) }

    @Test("Value and gradients are the plain ones' to the bit, dropout included", arguments: [true, false])
    func sameBits(lora: Bool) {
        func pass(_ recomputation: Recomputation) -> (value: [UInt8], gradients: [[UInt8]?]) {
            let stack = Stack(lora: lora)
            let context = ForwardContext(dropoutSeed: 7, recomputation: recomputation)
            // The pass is over before its backward begins.
            let value = context.run { stack(input).square().sum() }
            value.backward()
            #expect(ForwardContext.current.dropoutSeed == nil)
            #expect(stack.calls.value == (recomputation == .layers ? 4 : 2))
            return (value.bytes(), stack.store.parameters.map { $0.tensor.grad?.bytes() })
        }
        let plain = pass(.none), recomputed = pass(.layers)
        #expect(plain.value == recomputed.value)
        #expect(plain.gradients == recomputed.gradients)
        #expect(plain.gradients.compactMap { $0 }.count == (lora ? 4 : 2))
    }

    @Test("Dropout changes what is computed, so that forgetting it in backward would be noticed")
    func dropoutMatters() {
        let stack = Stack()
        let without = stack(input).bytes()
        #expect(ForwardContext(dropoutSeed: 7).run { stack(input).bytes() } != without)
    }

    @Test("A layer may give terms of the loss besides its output: value and gradients are the plain ones'")
    func severalResults() throws {
        func pass(_ recomputation: Recomputation) -> (value: [UInt8], gradients: [Tensor]) {
            let stack = Stack()
            var x = input
            var terms: [Tensor] = []
            ForwardContext(dropoutSeed: 7, recomputation: recomputation).run {
                for layer in stack.layers {
                    let results = layer(x, resultCount: 3) { layer, x in
                        let output = layer(x)
                        // The last is a constant, as a count would be.
                        return [output, layer.linear(x).logsumexp(dim: -1).square().sum(), x.detach().sum()]
                    }
                    x = results[0]
                    terms += results[1...]
                }
            }
            #expect(!terms[3].requiresGrad)
            let value = terms.reduce(x.square().sum()) { $0 + $1 * 0.1 }
            value.backward()
            return (value.bytes(), stack.store.parameters.compactMap { $0.tensor.grad })
        }
        let plain = pass(.none), recomputed = pass(.layers)
        #expect(plain.value == recomputed.value)
        #expect(plain.gradients.count == 4 && recomputed.gradients.count == 4)
        for (a, b) in zip(plain.gradients, recomputed.gradients) {
            #expect((a - b).abs().max().item() <= 1e-5 * a.abs().max().item())
        }
    }

    @Test("Results that the loss does not use cost no gradient")
    func unusedResults() {
        let context = ForwardContext(recomputation: .layers)
        func results(_ stack: Stack, _ x: Tensor) -> [Tensor] {
            context.run { stack.layers[0](x, resultCount: 2) { layer, x in [x * 2, layer(x)] } }
        }
        let stack = Stack(lora: false), again = Stack(lora: false)
        results(stack, input)[1].sum().backward()
        results(again, input.withGrad())[0].sum().backward()
        #expect(stack.store.parameters[0].tensor.grad != nil)
        #expect(again.store.parameters[0].tensor.grad == nil)
    }

    @Test("Nothing is recorded where nothing can be learnt, and nothing is computed twice without gradients")
    func nothingToLearn() {
        let stack = Stack(lora: false)
        let context = ForwardContext(recomputation: .layers)
        func pass(_ x: Tensor) -> Tensor { context.run { stack(x) } }
        #expect(!withoutGrad { pass(input) }.requiresGrad)
        stack.store.freeze(under: "")
        #expect(!pass(input).requiresGrad)
        stack.store.unfreeze(under: "layers.1")
        let value = pass(input).sum()
        #expect(value.requiresGrad)
        #expect(stack.calls.value == 6)
        value.backward()
        #expect(stack.calls.value == 7, "the first layer has nothing to recompute for")
    }
}
