import Foundation
import TestSupport
import Testing
import TinyModels

@Suite("syrinx convert, and syrinx inspect of what it reads and writes", .blocks)
struct ConvertCommandTests {
    private static let owls = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("SyrinxModelsTests/Fixtures").path
    private let folder: TinyFolder

    init() throws { folder = try TinyFolder() }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
    }

    @Test("an archive becomes safetensors that inspect verifies, and a second time is refused")
    func archive() throws {
        let arguments = ["convert", Self.owls + "/mplug-owl2/model", folder.path + "/out", "--max-shard-size", "30KB"]
        let first = try SyrinxProcess.run(arguments)
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.output.contains(/[0-9]+ tensors, [1-9][0-9]*\.[0-9] KB;/), "\(first.output)")
        #expect(!first.errors.contains("MiB") && first.output.contains("that the model recomputes are omitted"))
        let verified = try SyrinxProcess.run(["inspect", folder.path + "/out", "--verify"])
        #expect(verified.status == 0 && verified.output.contains("tensors fit config.json"), "\(verified.errors)")
        let again = try SyrinxProcess.run(arguments)
        #expect(again.status == 2 && again.errors.contains("already exists"))
    }

    @Test("a disk that is full leaves nothing and says so")
    func fullDisk() throws {
        let result = try SyrinxProcess.run(
            ["convert", Self.owls + "/mplug-owl2/model", folder.path + "/out"], fileSizeLimit: 51_200)
        #expect(result.status == 2 && result.errors.contains("cannot write"), "\(result.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix("out") })
    }

    @Test(
        "wrong options are told before anything is read",
        arguments: [
            (["--dtype", "int4"], "it must be float32, bfloat16, float16 or checkpoint"),
            (["--max-shard-size", "5 apples"], "a number followed by KB, MB or GB"),
            (["--max-shard-size", "0"], "a number followed by KB, MB or GB"),
            (["--adapter", "/nowhere"], "/nowhere"),
        ])
    func wrongOptions(options: [String], expected: String) {
        let result = SyrinxProcess.refusal(
            ["convert", Self.owls + "/mplug-owl2/model", folder.path + "/out"] + options)
        #expect(result.status == 2 && result.errors.contains(expected), "\(result.errors)")
    }

    @Test("inspect shows a file, an archive, an adapter and the video model's folder")
    func inspect() throws {
        let file = try object(
            try SyrinxProcess.run(["inspect", folder.path + "/model.safetensors", "--json"]).output)
        #expect((file["tensor_count"] as? Int ?? 0) > 10)
        let archive = try SyrinxProcess.run(
            ["inspect", Self.owls + "/mplug-owl/model/pytorch_model.bin", "--parameters"]).output
        #expect(archive.contains("abstractor.vit_eos [1, 1, 32] F32"), "\(archive.prefix(300))")
        let adapter = try SyrinxProcess.run(["inspect", Self.owls + "/lora/archive"]).output
        #expect(adapter.contains("rank 4, alpha 12.0, dropout 0.1, on 6 linear layers"), "\(adapter)")
        let video = try object(
            try SyrinxProcess.run(["inspect", Self.owls + "/mplug-owl-video/model", "--json"]).output)
        #expect((video["parts"] as? [String: Any])?["temporal_query_tokens"] != nil)
        let verified = try SyrinxProcess.run(["inspect", Self.owls + "/mplug-owl-video/model", "--verify"])
        #expect(verified.status == 0, "\(verified.errors)")
    }

    /// A copy of a published folder, with one file changed.
    private func copy(
        _ original: String, as name: String, _ file: String, _ change: (Data) throws -> Data
    ) throws -> String {
        let path = "\(folder.path)/\(name)"
        try FileManager.default.copyItem(atPath: "\(Self.owls)/\(original)", toPath: path)
        let url = URL(fileURLWithPath: "\(path)/\(file)")
        try change((try? Data(contentsOf: url)) ?? Data()).write(to: url)
        return path
    }

    @Test("an archive with a flipped bit is refused with the entry and both checksums, and nothing is left")
    func damagedArchive() throws {
        let model = try copy("mplug-owl2/model", as: "damaged", "pytorch_model.bin") { archive in
            var archive = archive
            // Shortly before the entry that follows data/0.
            let next = try #require(archive.range(of: Data("/data/1".utf8)))
            let header = try #require(
                archive[..<next.lowerBound].range(of: Data([0x50, 0x4B, 0x03, 0x04]), options: .backwards))
            archive[header.lowerBound - 100] ^= 0x04
            return archive
        }
        let result = try SyrinxProcess.run(["convert", model, folder.path + "/out"])
        #expect(result.status == 2, "\(result.errors)")
        let sentence = try #require(result.errors.split(separator: "\n").last)
        #expect(
            sentence.contains(
                /damaged: its entry [a-z_]+\/data\/0 \(tensor .+\) has the CRC-32 [0-9a-f]{8}, but [0-9a-f]{8} is listed/
            ),
            "\(sentence)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).allSatisfy { !$0.hasPrefix("out") })
        // Loading maps the file and reads no byte that it does not need.
        let inspected = try SyrinxProcess.run(["inspect", model])
        #expect(inspected.status == 0, "\(inspected.errors)")
    }

    @Test("inspect says what is damaged in a folder's index, and shows a folder without any weights")
    func damagedIndex() throws {
        let model = try copy("mplug-owl2/model", as: "indexed", "pytorch_model.bin.index.json") { _ in
            Data("{\"weight_map\": 3".utf8)
        }
        let damaged = try SyrinxProcess.run(["inspect", model])
        #expect(damaged.status == 2 && damaged.output.isEmpty, "\(damaged.output)")
        #expect(
            damaged.errors.hasPrefix("error: \(model)/pytorch_model.bin.index.json is damaged: "), "\(damaged.errors)")
        for name in ["pytorch_model.bin.index.json", "pytorch_model.bin"] {
            try FileManager.default.removeItem(atPath: "\(model)/\(name)")
        }
        let bare = try SyrinxProcess.run(["inspect", model])
        #expect(bare.status == 0 && bare.output.contains("parameters by name"), "\(bare.errors)")
    }

    @Test("a checkpoint of another family is refused in one short sentence that names both")
    func otherFamily() throws {
        let owl = try Data(contentsOf: URL(fileURLWithPath: Self.owls + "/mplug-owl/model/pytorch_model.bin"))
        let mixed = try copy("mplug-owl2/model", as: "mixed", "pytorch_model.bin") { _ in owl }
        for command in [["convert", mixed, folder.path + "/out"], ["generate", "--model", mixed, "Why?"]] {
            let result = try SyrinxProcess.run(command)
            #expect(result.status == 2)
            #expect(
                result.errors.hasPrefix("error: the checkpoint \(mixed) is not of the family mplug_owl2: of the "),
                "\(result.errors)")
            #expect(result.errors.hasSuffix("and besides those of mplug-owl; give a checkpoint of that family\n"))
        }
        let strange = try copy("mplug-owl2/model", as: "strange", "config.json") { config in
            let text = String(decoding: config, as: UTF8.self)
            return Data(text.replacingOccurrences(of: "\"mplug_owl2\"", with: "\"mplug-owl\"").utf8)
        }
        let result = try SyrinxProcess.run(["generate", "--model", strange, "Why?"])
        #expect(result.status == 2 && result.errors.utf8.count < 1000, "\(result.errors)")
    }

    @Test("an adapter that was trained with other weights is used with a warning")
    func otherBase() throws {
        let adapter = try copy("mplug-owl2/adapter", as: "adapter", "base_model.json") { _ in
            let layer = "model.layers.0.self_attn.q_proj.weight"
            return Data("{\"name\": \"runs/x/model\", \"values\": {\"\(layer)\": [9, 9, 9, 9, 9, 9, 9, 9]}}".utf8)
        }
        let model = Self.owls + "/mplug-owl2/model"
        for command in [
            ["generate", "--model", model, "--max-new-tokens", "2", "Why?"], ["convert", model, folder.path + "/out"],
        ] {
            let result = try SyrinxProcess.run(command + ["--adapter", adapter])
            #expect(result.status == 0, "\(result.errors)")
            #expect(
                result.errors.hasPrefix(
                    "warning: the adapter \(adapter) was trained with other weights (runs/x/model) than \(model): "
                ),
                "\(result.errors)")
        }
        // What is kept of an answer says it too.
        let json = try SyrinxProcess.run([
            "generate", "--model", model, "--adapter", adapter, "--max-new-tokens", "2", "--json", "Why?",
        ])
        let answer = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(answer?["adapter"] as? String == adapter)
        #expect((answer?["warning"] as? String)?.contains("was trained with other weights") == true)
    }

    @Test("an adapter of another model ends generate and convert with one report")
    func foreignAdapter() throws {
        for command in [
            ["generate", "--model", folder.path, "name:"], ["convert", folder.path, folder.path + "/out"],
        ] {
            let result = try SyrinxProcess.run(command + ["--adapter", Self.owls + "/lora/safetensors"])
            #expect(result.status == 2, "\(result.errors)")
            #expect(result.errors.contains("does not fit the model; 10 missing"), "\(result.errors)")
        }
    }

    @Test("what lies in a folder and is not read is noted by inspect, generate and convert, and nothing fails")
    func leftOver() throws {
        let model = try copy("mplug-owl2/model", as: "left-over", "pytorch_model.bin.index.json") { _ in
            Data(#"{"weight_map": {"a": "pytorch_model-1-of-3.bin"}}"#.utf8)
        }
        let note = "note: \(model): pytorch_model.bin.index.json names pytorch_model-1-of-3.bin, which is missing; "
        for arguments in [
            ["inspect", model], ["convert", model, folder.path + "/out"],
            ["generate", "--model", model, "--greedy", "--max-new-tokens", "2", "What is a cat?"],
        ] {
            let result = try SyrinxProcess.run(arguments)
            #expect(result.status == 0 && result.errors.contains(note), "\(result.errors)")
        }
    }
}
