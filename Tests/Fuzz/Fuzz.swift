import Checkpoints
import Codecs
import Corpora
import DataPipeline
import Foundation
import Media
import NN
import Recipes
import Settings
import SyrinxModels
import Tokenizers
import Torch
import Training

/// The parsers of bytes from elsewhere, each under the name by which `make fuzz` chooses it.
///
/// A parser may refuse its input by throwing, and nothing else: a trap, a bad access, an input that takes more memory or
/// time than libFuzzer's limits, or a broken promise about what was accepted is a find.
private let parsers: [String: ([UInt8]) throws -> Void] = [
    "strict-json": { _ = try StrictJSON($0) },
    "safetensors": safetensors,
    "weight-index": { _ = try ModelFolder.weightMap($0, named: "index") },
    "model-config": { _ = try ModelRegistry.declare(configuration: Data($0)) },
    "torch-archive": torchArchive,
    "image-processor": { bytes in
        for published in [nil, ImageProcessor.Resize.squareFirst] {
            _ = try? ImageProcessor(preprocessorConfiguration: bytes, published: published)
        }
    },
    "recipe": recipe,
    "setting": setting,
    "jpeg": image(signature: [0xFF, 0xD8, 0xFF]),
    "png": { try image(signature: pngSignature)(withChecksums($0)) },
    "webp": image(signature: Array("RIFF".utf8)),
    "gif": image(signature: Array("GIF8".utf8)),
    "bmp": image(signature: Array("BM".utf8)),
    "tiff": image(signature: []),
    "avif": image(signature: []),
    "heic": image(signature: []),
    "data-url": { bytes in _ = DataURL(String(decoding: bytes, as: UTF8.self)) },
    "exif": exif,
    "sentencepiece": sentencePiece,
    "video": video,
    "adapter": adapter,
    "conversations": conversations,
    "corpus-index": { _ = try CorpusJSON.decode(CorpusIndex.self, from: Data($0)) },
    "corpus-record": { _ = try CorpusJSON.decode(CorpusRecord.self, from: Data($0)) },
    "markup": { bytes in
        for asHTML in [false, true] { _ = MarkupNode(parsing: bytes, asHTML: asHTML) }
    },
    "archive": { bytes in
        try ArchiveReader.forEachFile(inZip: bytes, label: "zip", where: { _ in true }) { _, _ in }
    },
]

private let parser: ([UInt8]) throws -> Void = {
    let name = ProcessInfo.processInfo.environment["SYRINX_FUZZ_TARGET"] ?? ""
    guard let parser = parsers[name] else {
        fatalError("SYRINX_FUZZ_TARGET is '\(name)', known are \(parsers.keys.sorted().joined(separator: " "))")
    }
    return parser
}()

/// What libFuzzer calls with every input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    try? parser([UInt8](UnsafeBufferPointer(start: start, count: count)))
    return 0
}

/// What is accepted lies within the file, without gap or overlap.
private func safetensors(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { buffer in
        let header = try SafetensorsHeader(buffer)
        var end = 0
        for entry in header.entries {
            precondition(entry.range.lowerBound == end)
            end = entry.range.upperBound
        }
        precondition(header.dataOffset + end == bytes.count)
    }
}

/// A folder of this process alone, for parsers that take a path.
private let folder: String = {
    let path = FileManager.default.temporaryDirectory.path + "/syrinx-fuzz-\(getpid())"
    try! FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    return path
}()

private func file(_ name: String, _ bytes: [UInt8]) throws -> String {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(folder)/\(name)"))
    return "\(folder)/\(name)"
}

/// Every tensor of an archive that is accepted can be read to its last byte.
private func torchArchive(_ bytes: [UInt8]) throws {
    let archive = try TorchArchive(path: file("archive.bin", bytes))
    for name in archive.names {
        let tensor = try archive.tensor(name)
        precondition(tensor.shape == archive.shape(of: name) && tensor.bytes().count <= bytes.count)
    }
}

/// An image that is accepted has all its pixels; a smaller scale is never smaller than asked for.
private func image(signature: [UInt8]) -> ([UInt8]) throws -> Void {
    { bytes in
        guard bytes.starts(with: signature) else { return }
        let limits = DecodeLimits(maximumPixelCount: 1 << 20, maximumWorkingByteCount: 64 << 20)
        let image = try ImageCodec().image(from: bytes, limits: limits, target: nil)
        precondition(image.pixels.count == image.width * image.height * 3)
        let small = try ImageCodec().image(from: bytes, limits: limits, target: 8)
        precondition(small.shortestSide >= min(8, image.shortestSide))
    }
}

private let pngSignature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

/// The file with the checksum of each chunk put right: a mutation that breaks one would never get past it.
private func withChecksums(_ file: [UInt8]) -> [UInt8] {
    var file = file
    var start = pngSignature.count
    while start + 12 <= file.count {
        let length = file[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        let end = start + 8 + length
        guard end + 4 <= file.count else { break }
        let sum = ~file[start + 4..<end].reduce(~0 as UInt32) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
        for (index, shift) in [24, 16, 8, 0].enumerated() {
            file[end + index] = UInt8(truncatingIfNeeded: sum >> shift)
        }
        start = end + 4
    }
    return file
}

/// A video that is accepted gives as many frames as asked for, of the size asked for, from the places that it says.
private func video(_ bytes: [UInt8]) throws {
    let limits = VideoLimits(maximumFrameCount: 64, maximumPixelCount: 1 << 16, maximumSeconds: 5)
    let video = try VideoFile(file("video", bytes), limits: limits)
    let (indices, frames) = try video.frames(count: 3, side: 16) { $0 }
    precondition(frames.count == 3 && frames.allSatisfy { $0.pixels.count == 16 * 16 * 3 })
    precondition(indices == indices.sorted() && indices.allSatisfy((0..<video.info.frameCount).contains))
}

/// The input is the configuration of an adapter whose weights are whole: four matrices of rank 2, for two projections. Whether the rank fits
/// them is told by the model they are put into.
private func adapter(_ bytes: [UInt8]) throws {
    let weights = "\(folder)/\(AdapterFolder.FileName.weights)"
    if !FileManager.default.fileExists(atPath: weights) {
        let tensors = ["q_proj", "v_proj"].flatMap { name in
            let path = "base_model.model.layers.0.self_attn.\(name)"
            return [("\(path).lora_A.weight", Tensor.zeros([2, 3])), ("\(path).lora_B.weight", Tensor.zeros([4, 2]))]
        }
        _ = try Safetensors.write(tensors, to: weights)
    }
    _ = try file(AdapterFolder.FileName.config, bytes)
    let adapter = try AdapterFolder(path: folder)
    precondition(adapter.weights.count == 4 && adapter.adaptation.mistake == nil)
}

/// A file of instruction data, in either form and as a list or lines: what is found can be read or is refused.
private func conversations(_ bytes: [UInt8]) throws {
    let records = try ConversationFile(file("conversations.json", bytes))
    for number in 0..<records.count {
        _ = try? records.conversation(number)
        _ = records.split(of: number)
    }
}

/// The first byte chooses the format.
private func exif(_ bytes: [UInt8]) {
    let formats = ImageFormat.allCases
    guard let first = bytes.first else { return }
    _ = exifOrientation(in: Array(bytes.dropFirst()), format: formats[Int(first) % formats.count])
}

/// A vocabulary that is accepted encodes and decodes any text.
private func sentencePiece(_ bytes: [UInt8]) throws {
    let tokenizer = try SentencePieceTokenizer(model: bytes)
    let ids = tokenizer.encode("Two  parrots\n\u{1F99C} <image> \u{0}")
    _ = tokenizer.decode(ids)
    for id in [0, tokenizer.vocabularySize - 1] { _ = (tokenizer.piece(id), tokenizer.text(of: id)) }
}

private func recipe(_ bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    try StrictYAML.decode(Recipe.self, from: text, file: "recipe.yaml").validate()
}

/// The input is one `--set` of the demo's recipe.
private func setting(_ bytes: [UInt8]) throws {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    try RecipeRegistry.recipe("mm1-demo", overrides: [text]).validate()
}
