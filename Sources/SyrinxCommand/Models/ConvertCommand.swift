import ArgumentParser
import Checkpoints
import Foundation
import SyrinxModels
import Terminal
import Torch

/// `syrinx convert`: a model folder written anew as safetensors.
struct ConvertCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "convert",
        abstract: "Rewrite a model folder as safetensors, in another dtype, or with an adapter merged.",
        usage: "syrinx convert <in> <out> [<options>]",
        discussion: """
            IN is a folder with a config.json and weights as safetensors or PyTorch archives, in one file or several. OUT \
            gets the weights, an index if there are several files, unchanged copies of the configuration, tokenizer and \
            preprocessor, and SHA256SUMS. Tensors that the model and its authors' code recompute are omitted. A PyTorch \
            archive is refused if its bytes do not match the checksums (CRC-32) that it lists.

            Only one tensor is in memory at a time. OUT appears only when it is complete; Ctrl-C leaves nothing behind.

              syrinx convert published own --dtype bfloat16
              syrinx convert own own-tuned --adapter adapters/mine
            """)

    @Argument(help: ArgumentHelp("The model's folder.", valueName: "in"))
    var input: String

    @Argument(help: ArgumentHelp("The folder to write; it must not exist yet.", valueName: "out"))
    var output: String

    @Option(help: "The dtype of the weights: float32, bfloat16, float16, or checkpoint to keep each tensor's own.")
    var dtype = "checkpoint"

    @Option(help: ArgumentHelp("A LoRA adapter in PEFT format, merged into the weights.", valueName: "folder"))
    var adapter: String?

    @Option(help: ArgumentHelp("The largest size of one file, such as 5GB or 500MB.", valueName: "size"))
    var maxShardSize = "5GB"

    func validate() throws {
        _ = try wantedDType()
        _ = try shardByteCount()
    }

    func run() throws {
        InterruptFlag.install()
        guard !FileManager.default.fileExists(atPath: output) else {
            throw ValidationError("\(output) already exists; give another folder, or remove it first")
        }
        let conversion = try ModelConversion(
            try ModelFolder(path: input), dtype: try wantedDType(),
            adapter: try adapter.map { try AdapterFolder(path: $0) })
        if let warning = conversion.adapterWarning { ExitStatus.writeToStandardError("warning: \(warning)\n") }
        for remark in conversion.remarks { ExitStatus.writeToStandardError("note: \(remark)\n") }
        let (scale, unit) = conversion.byteCount < 10_000_000 ? (1_000, "KB") : (1_000_000, "MB")
        let bar = ProgressBar("converting", total: conversion.byteCount / scale, unit: unit)
        var written = 0
        do {
            try conversion.write(to: output, maximumShardByteCount: try shardByteCount()) {
                (count) throws(CheckpointError) in
                if InterruptFlag.isRaised { throw .cancelled }
                written += count
                bar.update(written / scale)
            }
        } catch CheckpointError.cancelled {
            bar.finish()
            try InterruptFlag.check()
        }
        bar.finish()
        let ignored = conversion.ignoredNames.count
        print(
            "\(output): \(conversion.tensors.count) tensors, \(byteText(conversion.byteCount))"
                + (ignored > 0 ? "; \(ignored) that the model recomputes are omitted" : "")
                + (adapter.map { "; \($0) is merged" } ?? ""))
    }

    private func wantedDType() throws -> DType? {
        switch dtype {
        case "float32": .float32
        case "bfloat16": .bfloat16
        case "float16": .float16
        case "checkpoint": nil
        default:
            throw ValidationError("--dtype is \"\(dtype)\"; it must be float32, bfloat16, float16 or checkpoint")
        }
    }

    private func shardByteCount() throws -> Int {
        let units = ["GB": 1_000_000_000, "MB": 1_000_000, "KB": 1_000, "GiB": 1 << 30, "MiB": 1 << 20, "KiB": 1 << 10]
        let digits = maxShardSize.prefix { $0.isNumber || $0 == "." }
        let unit = maxShardSize.dropFirst(digits.count).trimmingCharacters(in: .whitespaces)
        guard let number = Double(digits), let factor = unit.isEmpty ? 1 : units[unit], number * Double(factor) >= 1,
            number * Double(factor) < 1e18
        else {
            throw ValidationError(
                "--max-shard-size is \"\(maxShardSize)\"; it must be a number followed by KB, MB or GB")
        }
        return Int(number * Double(factor))
    }
}
