import CTorch

extension Tensor {
    /// Whether autograd records what happens to this tensor.
    public var requiresGrad: Bool { withExtendedLifetime(self) { handle.map(syrinx_torch_requires_grad) ?? false } }

    /// This tensor cut off from what made it, sharing its memory.
    public func detach(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        unary(file, line, syrinx_torch_detach)
    }

    /// A leaf with the same values that autograd records, for tests and experiments; models use parameters.
    public func withGrad(file: StaticString = #fileID, line: UInt = #line) -> Tensor {
        let leaf = detach(file: file, line: line)
        leaf.setRequiresGrad(true)
        return leaf
    }

    /// Adds the gradients of this scalar to every leaf it depends on.
    ///
    /// - Parameter gradient: the incoming gradient; needed when this tensor has more than one element.
    public func backward(gradient: Tensor? = nil, file: StaticString = #fileID, line: UInt = #line) {
        inPlace(file, line) { x in Tensor.withOptional(gradient) { syrinx_torch_backward(x, $0) } }
    }

    /// The gradient accumulated on this leaf so far; nil before the first backward pass.
    public var grad: Tensor? {
        guard let handle else { return nil }
        return withExtendedLifetime(self) {
            var present = false
            let gradient = syrinx_torch_grad(handle, &present)
            return present ? Tensor.wrap(gradient, #fileID, #line) : nil
        }
    }

    package func setRequiresGrad(_ on: Bool) {
        inPlace(#fileID, #line) { syrinx_torch_set_requires_grad($0, on) }
    }

    package func setGrad(_ gradient: Tensor?) {
        inPlace(#fileID, #line) { x in Tensor.withOptional(gradient) { syrinx_torch_set_grad(x, $0) } }
    }
}

/// Whether autograd records on this thread.
public var isGradEnabled: Bool { syrinx_torch_grad_enabled() }

/// Runs `body` without recording for autograd. The mode belongs to the thread: do not suspend inside.
public func withoutGrad<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = syrinx_torch_grad_enabled()
    syrinx_torch_set_grad_enabled(false)
    defer { syrinx_torch_set_grad_enabled(before) }
    return try body()
}

/// Runs `body` with recording on, inside ``withoutGrad(_:)`` too.
public func withGradEnabled<Result>(_ body: () throws -> Result) rethrows -> Result {
    let before = syrinx_torch_grad_enabled()
    syrinx_torch_set_grad_enabled(true)
    defer { syrinx_torch_set_grad_enabled(before) }
    return try body()
}

/// Runs `body` in libtorch's inference mode, cheaper than ``withoutGrad(_:)``; its tensors can never be trained on.
public func inferenceMode<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    let guardPointer = syrinx_torch_inference_guard()
    defer { syrinx_torch_inference_guard_release(guardPointer) }
    return try body()
}

/// The closure of a checkpointed segment, boxed for C.
private final class CheckpointedSegment {
    let body: @Sendable ([Tensor]) -> [Tensor]
    init(_ body: @escaping @Sendable ([Tensor]) -> [Tensor]) { self.body = body }
}

/// Tensors that C hands out one after the other.
private final class ReceivedTensors {
    var handles: [OpaquePointer] = []
}

/// Runs a segment keeping only its inputs; backward runs it again (activation checkpointing, Chen et al., 2016).
///
/// The segment must be deterministic. Parameters it uses by capture get their gradients as usual; at least one input
/// must require gradients, or nothing is recorded.
/// - Note: backward calls `body` on autograd's thread: it must not block or touch actors.
public func checkpoint(
    _ inputs: [Tensor], file: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping @Sendable ([Tensor]) -> Tensor
) -> Tensor {
    checkpoint(inputs, resultCount: 1, file: file, line: line) { [body($0)] }[0]
}

/// The same for a segment with several results, all of which the loss may use, or some.
///
/// - Parameter body: gives `resultCount` tensors.
public func checkpoint(
    _ inputs: [Tensor], resultCount: Int, file: StaticString = #fileID, line: UInt = #line,
    _ body: @escaping @Sendable ([Tensor]) -> [Tensor]
) -> [Tensor] {
    let context = Unmanaged.passRetained(CheckpointedSegment(body)).toOpaque()
    let received = ReceivedTensors()
    let succeeded = Tensor.withHandles(inputs) { handles, count in
        syrinx_torch_checkpoint(
            handles, count,
            { context, handles, count, receive, receiver in
                guard let context, let handles, let receive else { return false }
                let segment = Unmanaged<CheckpointedSegment>.fromOpaque(context).takeUnretainedValue()
                let inputs = (0..<Int(count)).map { Tensor.borrowing(handles[$0]) }
                // A scope of its own: autograd may call from a thread that has none, where a failure would trap.
                guard let results = try? withTorchErrors({ segment.body(inputs) }) else { return false }
                for result in results { receive(receiver, result.consumeHandle()) }
                return true
            },
            { context in if let context { Unmanaged<CheckpointedSegment>.fromOpaque(context).release() } }, context,
            { receiver, handle in
                guard let receiver, let handle else { return }
                Unmanaged<ReceivedTensors>.fromOpaque(receiver).takeUnretainedValue().handles.append(handle)
            }, Unmanaged.passUnretained(received).toOpaque())
    }
    guard succeeded == true else {
        if succeeded == false { recordOrTrap(.current, file, line) }
        return Array(repeating: .poisoned, count: resultCount)
    }
    let results = withExtendedLifetime(received) { received.handles.map { Tensor.wrap($0, file, line) } }
    precondition(
        results.count == resultCount, "a checkpointed segment gave \(results.count) tensors, not \(resultCount)")
    return results
}

extension Tensor {
    /// A tensor with a reference of its own to a handle that C lends for a call.
    fileprivate static func borrowing(_ handle: OpaquePointer?) -> Tensor {
        guard let handle else { return .poisoned }
        return Tensor(owning: syrinx_torch_alias(handle))
    }

    /// A handle for C to own, sharing this tensor's contents.
    fileprivate func consumeHandle() -> OpaquePointer? {
        withExtendedLifetime(self) { handle.flatMap { syrinx_torch_alias($0) } }
    }
}
