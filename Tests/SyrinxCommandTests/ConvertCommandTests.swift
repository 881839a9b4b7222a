import Foundation
import Testing
import TinyModels

@Suite("syrinx convert, and syrinx inspect of what it reads and writes")
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
        #expect(first.output.contains("tensors") && first.output.contains("that the model recomputes were left out"))
        let verified = try SyrinxProcess.run(["inspect", folder.path + "/out", "--verify"])
        #expect(verified.status == 0 && verified.output.contains("tensors fit config.json"), "\(verified.errors)")
        let again = try SyrinxProcess.run(arguments)
        #expect(again.status == 2 && again.errors.contains("exists already"))
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
            (["--dtype", "int4"], "float32, bfloat16, float16 and checkpoint are known"),
            (["--max-shard-size", "5 apples"], "a number of bytes with KB, MB or GB"),
            (["--max-shard-size", "0"], "a number of bytes with KB, MB or GB"),
            (["--adapter", "/nowhere"], "/nowhere"),
        ])
    func wrongOptions(options: [String], expected: String) throws {
        let result = try SyrinxProcess.run(
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
        #expect(adapter.contains("rank 4, alpha 12.0, dropout 0.1, beside 6 linear layers"), "\(adapter)")
        let video = try object(
            try SyrinxProcess.run(["inspect", Self.owls + "/mplug-owl-video/model", "--json"]).output)
        #expect((video["parts"] as? [String: Any])?["temporal_query_tokens"] != nil)
        let verified = try SyrinxProcess.run(["inspect", Self.owls + "/mplug-owl-video/model", "--verify"])
        #expect(verified.status == 0, "\(verified.errors)")
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
}
