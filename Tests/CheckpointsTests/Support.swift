import Checkpoints
import Foundation
import NN
import Torch

/// A folder that is removed with its content when the test is over.
final class TemporaryFolder: Sendable {
    let path: String

    init() {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("syrinx-\(UUID().uuidString)").path
        try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

    var content: [String] { (try? FileManager.default.contentsOfDirectory(atPath: path).sorted()) ?? [] }

    func write(_ bytes: [UInt8], _ name: String) -> String {
        _ = FileManager.default.createFile(atPath: self(name), contents: Data(bytes))
        return self(name)
    }
}

func bytes(ofFileAt path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map { [UInt8]($0) } ?? [] }

/// A safetensors file from its parts, true or false ones.
func safetensors(_ header: String, dataByteCount: Int, statedLength: UInt64? = nil) -> [UInt8] {
    let text = Array(header.utf8)
    return withUnsafeBytes(of: (statedLength ?? UInt64(text.count)).littleEndian) { Array($0) } + text
        + (0..<dataByteCount).map { UInt8(truncatingIfNeeded: $0) }
}

/// One tensor of every dtype, scalars and empty ones among them.
func sampleTensors() -> [(String, Tensor)] {
    let values = Tensor((0..<6).map { Float($0) - 2.5 }, shape: [2, 3])
    return DType.allCases.map { dtype in
        ("weights.\(dtype)", dtype == .bool ? Tensor([true, false, true], shape: [3]) : values.to(dtype))
    } + [
        ("scalar", Tensor(scalar: 3.25)), ("empty", Tensor.zeros([0, 4])),
        ("odd", Tensor([1, 2, 3] as [UInt8], shape: [3])),
        ("transposed", values.transpose(0, 1)),
        ("name \"with\" \\ \u{1}\u{e9}\u{1F99C}", Tensor([1] as [Int64], shape: [1])),
    ]
}

func isEqual(_ first: Tensor, _ second: Tensor) -> Bool {
    first.shape == second.shape && first.dtype == second.dtype && first.bytes() == second.bytes()
}
