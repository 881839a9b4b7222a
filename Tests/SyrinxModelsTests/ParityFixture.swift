import Checkpoints
import Foundation
import NN
import Testing
import Torch

/// Tensors of a reference implementation by name, and the comparison of ours with them.
///
/// The fixtures come from `scripts/reference`: outputs and gradients computed in float64. The error is max|a - b| over
/// max(max|b|, 1e-4 times the largest value of the step). Bounds are 1e-5 for outputs and 1e-4 for gradients, float32's
/// rounding over a few layers; a missing bias, a swapped head or GELU for QuickGELU is off by 1e-2. With
/// `SYRINX_PARITY_TABLE=1` every comparison prints the row that stands in `Documentation/Parity.md`.
struct ParityFixture {
    static let outputBound = 1e-5
    static let gradientBound = 1e-4

    let name: String
    let all: StateDict
    var weights: StateDict { all.under("weight") }
    var gradients: StateDict { all.under("gradient") }

    init(_ name: String) throws {
        self.name = name
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Fixtures/\(name).safetensors").path
        let file = try SafetensorsFile(path: path)
        all = StateDict(try file.names.map { ($0, try file.tensor($0)) })
    }

    func callAsFunction(_ name: String) throws -> Tensor { try #require(all[name], "the fixture has no \(name)") }

    /// Expects an output to equal the fixture's tensor `name`; `rows` picks rows of both, flattened to [rows, width].
    func expect(
        _ value: Tensor, equals name: String, rows: Tensor? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        func picked(_ tensor: Tensor) -> Tensor {
            rows.map { tensor.reshape([-1, tensor.size(-1)]).indexSelect(dim: 0, $0) } ?? tensor
        }
        let reference = try self(name)
        #expect(value.shape == reference.shape, "\(name)", sourceLocation: sourceLocation)
        let worst = Self.error(picked(value), picked(reference))
        #expect(worst < Self.outputBound, "\(name): \(worst)", sourceLocation: sourceLocation)
        printRow(name, worst, Self.outputBound)
    }

    /// Expects the parameters under `part` to have the reference's gradients, by our names, and no other gradients.
    func expectGradients(
        _ store: ParameterStore, _ reference: StateDict, under part: String = "", largest: Double? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let found = store.parameters(under: part).filter { $0.tensor.grad != nil }.map(\.name)
        #expect(Set(found) == Set(reference.names), "parameters with a gradient", sourceLocation: sourceLocation)
        #expect(!reference.names.isEmpty, "gradients to compare with", sourceLocation: sourceLocation)
        let largest = largest ?? Self.largest(reference)
        var worst = 0.0
        for (name, expected) in reference.pairs {
            guard let gradient = store[name]?.tensor.grad else { continue }
            if name.hasSuffix("k_proj.bias") || name.hasSuffix("attention.key.bias") {
                // Softmax ignores what all keys share: in exact arithmetic this gradient is zero, and only noise is left.
                let noise = gradient.abs().max().item()
                #expect(noise < 1e-6 * largest, "\(name): \(noise)", sourceLocation: sourceLocation)
                continue
            }
            let error = Self.error(gradient, expected, largest: largest)
            #expect(error < Self.gradientBound, "\(name): \(error)", sourceLocation: sourceLocation)
            worst = max(worst, error)
        }
        printRow(part.isEmpty ? "gradients" : "gradients of \(part)", worst, Self.gradientBound)
    }

    /// The largest absolute value of any tensor.
    static func largest(_ tensors: StateDict) -> Double { tensors.pairs.map { $0.1.abs().max().item() }.max() ?? 0 }

    static func error(_ a: Tensor, _ b: Tensor, largest: Double? = nil) -> Double {
        let scale = max(b.abs().max().item(), 1e-4 * (largest ?? 0))
        return (a.detach().to(.float64) - b.to(.float64)).abs().max().item() / scale
    }

    private func printRow(_ stage: String, _ worst: Double, _ bound: Double) {
        guard ProcessInfo.processInfo.environment["SYRINX_PARITY_TABLE"] == "1" else { return }
        print("| \(name) | \(stage) | \(String(format: "%.1e", worst)) | \(String(format: "%.0e", bound)) |")
    }
}
