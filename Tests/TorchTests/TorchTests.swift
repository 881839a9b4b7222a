import Synchronization
import Testing
import Torch

struct TensorLifeTests {
    @Test func `A training step leaves the live-tensor count where it was`() {
        let weight = Tensor.ones([16, 16]).withGrad()
        func step() { (Tensor.ones([4, 16]).matmul(weight).gelu().sum()).backward() }
        step()
        let before = TorchRuntime.threadTensorBalance
        for _ in 0..<20 { step() }
        #expect(TorchRuntime.threadTensorBalance == before)
    }

    @Test func `A hundred thousand small operations do not accumulate tensors`() {
        let before = TorchRuntime.threadTensorBalance
        var x = Tensor.zeros([4])
        for _ in 0..<100_000 { x = x + 1 }
        #expect(x.array(of: Float.self) == [100_000, 100_000, 100_000, 100_000])
        #expect(TorchRuntime.threadTensorBalance <= before + 1)
    }

    @Test func `Mapped memory is released only after the last view is gone`() {
        final class Owner: @unchecked Sendable {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
            let onRelease: () -> Void
            init(onRelease: @escaping () -> Void) { self.onRelease = onRelease }
            deinit {
                memory.deallocate()
                onRelease()
            }
        }
        var released = false
        var owner: Owner? = Owner { released = true }
        owner!.memory.bindMemory(to: Float.self, capacity: 4).update(repeating: 3, count: 4)
        var view: Tensor? = Tensor(mapped: owner!.memory, shape: [4], dtype: .float32, owner: owner!)
            .narrow(dim: 0, start: 1, length: 2)
        owner = nil
        #expect(!released)
        #expect(view?.array(of: Float.self) == [3, 3])
        view = nil
        #expect(released)
    }
}

struct TensorErrorTests {
    @Test func `Inside an error scope a wrong shape throws libtorch's message`() {
        let error = #expect(throws: TorchError.self) {
            try withTorchErrors { Tensor.ones([2, 3]).matmul(Tensor.ones([4, 5])) }
        }
        #expect(error?.kind == .usage)
        #expect(error?.message.contains("2x3") == true)
    }

    @Test func `A poisoned tensor absorbs what follows and the first error is the one thrown`() {
        let error = #expect(throws: TorchError.self) {
            try withTorchErrors {
                let bad = Tensor.ones([2, 3]).matmul(Tensor.ones([4, 5]))
                #expect(bad.isPoisoned && bad.shape.isEmpty)
                _ = (bad + 1).reshape([7]).softmax(dim: 3)
            }
        }
        #expect(error?.message.contains("2x3") == true)
    }

    @Test func `An absurd allocation is an out-of-memory error and work goes on after it`() throws {
        let error = #expect(throws: TorchError.self) { try withTorchErrors { Tensor.zeros([1 << 47]) } }
        #expect(error?.kind == .outOfMemory)
        #expect(try withTorchErrors { Tensor.ones([3]).sum().item() } == 3)
    }

    @Test func `Nested scopes keep their own errors`() throws {
        let total = try withTorchErrors {
            #expect(throws: TorchError.self) { try withTorchErrors { Tensor.ones([2]).reshape([3]) } }
            return Tensor.ones([2]).sum().item()
        }
        #expect(total == 2)
    }

    @Test func `Values that do not fill the shape are refused with both numbers`() {
        let error = #expect(throws: TorchError.self) {
            try withTorchErrors { Tensor([Float(1), 2, 3], shape: [2, 2]) }
        }
        #expect(error?.message.contains("4 elements") == true && error?.message.contains("3 values") == true)
    }
}

struct TensorValueTests {
    @Test(arguments: DType.allCases) func `Values survive a round trip through every dtype`(dtype: DType) {
        let values: [Int32] = dtype == .bool ? [0, 1, 1] : [0, 1, 100]
        #expect(Tensor(values).to(dtype).array(of: Int32.self) == values)
        #expect(Tensor(values).to(dtype).dtype == dtype)
    }

    @Test func `A generator's saved state repeats the numbers that follow`() {
        let generator = Generator(seed: 7)
        _ = Tensor.randn([5], generator: generator)
        let state = generator.state
        let first = Tensor.randn([5], generator: generator).array(of: Float.self)
        generator.state = state
        #expect(Tensor.randn([5], generator: generator).array(of: Float.self) == first)
        #expect(Tensor.randn([5], generator: Generator(seed: 8)).array(of: Float.self) != first)
    }

    @Test func `Devices read their own descriptions`() {
        #expect(Device("cuda:1") == .cuda(1) && Device("cpu") == .cpu && Device("mps") == .mps)
        #expect(Device("gpu") == nil && Device("cuda:x") == nil)
        #expect(Device(Device.cuda(2).description) == .cuda(2))
    }
}

struct AutogradTests {
    @Test func `Gradients accumulate over backward passes`() {
        let x = Tensor([Float(3)]).withGrad()
        x.square().sum().backward()
        x.square().sum().backward()
        #expect(x.grad?.array(of: Float.self) == [12])
    }

    @Test func `Nothing is recorded without gradients or in inference mode`() {
        let x = Tensor([Float(3)]).withGrad()
        #expect(!withoutGrad { x * 2 }.requiresGrad)
        #expect(!inferenceMode { x * 2 }.requiresGrad)
        #expect((x * 2).requiresGrad)
    }

    @Test func `A checkpointed segment gives the gradients of the plain one`() {
        let generator = Generator(seed: 1)
        let values = Tensor.randn([4, 8], generator: generator)
        let weights = Tensor.randn([8, 8], generator: generator)
        func gradients(_ run: (Tensor, Tensor) -> Tensor) -> ([Float], [Float]) {
            let (x, w) = (values.withGrad(), weights.clone().withGrad())
            run(x, w).square().sum().backward()
            return (x.grad!.array(of: Float.self), w.grad!.array(of: Float.self))
        }
        let plain = gradients { x, w in x.matmul(w).gelu().matmul(w) }
        let recomputed = gradients { x, w in checkpoint([x]) { $0[0].matmul(w).gelu().matmul(w) } }
        #expect(plain == recomputed)
    }

    private final class Calls: Sendable { let count = Atomic(0) }

    @Test
    func `A checkpointed segment computes the plain one's kernels twice, and its failure in backward says what it was`()
        throws
    {
        let x = Tensor.randn([2, 3, 16, 8], generator: Generator(seed: 1)).withGrad()
        // Attention has a kernel of its own for passes without gradients.
        let plain = attention(x, x, x, mask: .causal)
        let calls = Calls()
        let result = checkpoint([x]) { inputs in
            if calls.count.add(1, ordering: .relaxed).newValue == 2 { return Tensor.empty([1 << 46]) }
            return attention(inputs[0], inputs[0], inputs[0], mask: .causal)
        }
        #expect(result.bytes() == plain.bytes() && result.requiresGrad)
        let error = #expect(throws: TorchError.self) { try withTorchErrors { result.sum().backward() } }
        #expect(error?.kind == .outOfMemory, "the trainer makes its batches smaller then")
        #expect(calls.count.load(ordering: .relaxed) == 2)
    }
}
