import Foundation
import SyrinxCommand
import TestSupport
import Testing

@Suite("The command line as a user meets it", .blocks)
struct CommandLineTests {
    @Test("help and version go to standard output with status 0")
    func helpAndVersion() throws {
        let help = try SyrinxProcess.run(["--help"])
        #expect(help.status == 0)
        #expect(help.output.contains("SUBCOMMANDS"))
        #expect(help.errors.isEmpty)
        let version = try SyrinxProcess.run(["--version"])
        #expect(version.status == 0)
        #expect(version.output.wholeMatch(of: /\d+\.\d+\.\d+\n/) != nil)
    }

    @Test("every subcommand is in the help and has a help of its own, which the program prints")
    func subcommandHelp() throws {
        let helps = SyrinxCommand.helps(columns: 80)
        #expect(helps.count > 20 && helps.map(\.words).contains(["data", "fetch", "scenes"]))
        for (words, text) in helps {
            #expect(text.hasPrefix("OVERVIEW: "), "\(words) has no abstract")
            guard let name = words.last else { continue }
            let above = try #require(helps.first { $0.words == words.dropLast() })
            let lines = above.text.split(separator: "\n")
            #expect(lines.contains { $0.hasPrefix("  \(name) ") || $0 == "  \(name)" }, "\(words)")
        }
        for words in [[], ["data", "fetch", "scenes"]] {
            let help = try SyrinxProcess.run(words + ["--help"])
            #expect(help.status == 0)
            let text = try #require(helps.first { $0.words == words }?.text)
            #expect(help.output.trimmingCharacters(in: .newlines) == text.trimmingCharacters(in: .newlines))
        }
    }

    @Test("no help is wider than 80 columns, and no example in it is broken")
    func helpWidth() throws {
        for (words, text) in try nonempty(SyrinxCommand.helps(columns: 80)) {
            let lines = text.components(separatedBy: "\n")
            for (line, next) in zip(lines, lines.dropFirst() + [""]) {
                #expect(line.count <= 80, "syrinx \(words.joined(separator: " ")): \(line)")
                let isWhole = next.isEmpty || next.hasPrefix("  syrinx ") || next.hasPrefix("  make ")
                #expect(!line.hasPrefix("  syrinx ") || isWhole, "\(line)\n\(next)")
            }
        }
    }

    @Test("every option that takes a number or a text takes one that begins with a dash")
    func dashedValues() throws {
        let places = ["folder", "file", "path", "name", "names", "model", "dir"]
        var tried = 0
        for (words, text) in SyrinxCommand.helps(columns: 80) {
            for line in text.split(separator: "\n") {
                guard let option = line.firstMatch(of: /^  (--[a-z-]+) <([a-z-]+)>/),
                    !places.contains(String(option.2)),
                    !Self.names.contains(String(option.1))
                else { continue }
                tried += 1
                let message = SyrinxCommand.outcome(of: words + [String(option.1), "-1"]).message
                #expect(!message.contains("Missing value for '\(option.1)"), "\(words) \(option.1): \(message)")
            }
        }
        #expect(tried > 40)
    }

    /// Options that take the name or the path of something, which does not begin with a dash.
    private static let names: Set<String> = [
        "--device", "--dtype", "--adapter", "--images", "--split", "--source", "--tokenizer", "--contact-sheet",
        "--set",
        "--output", "--quarantine", "--size", "--corpora", "--cache", "--precision", "--set-start", "--start-set",
        "--template",
        "--max-shard-size", "--tasks", "--image-mode", "--input", "--image", "--video", "--model", "--corpus",
    ]

    @Test(
        "a wrong command line is one line on standard error, its usage, and status 2",
        arguments: ["--nonsense", "nonsense"])
    func wrongCommandLine(argument: String) throws {
        let result = try SyrinxProcess.run([argument])
        #expect(result.status == 2)
        #expect(result.output.isEmpty)
        #expect(result.errors.hasPrefix("error: "))
        #expect(result.errors.contains("nonsense"))
    }

    @Test("the OpenMP wait policy is set when the user has set none, and left alone when set")
    func waitPolicy() throws {
        let unset = try SyrinxProcess.run(
            ["doctor", "--json"],
            environment: ["OMP_WAIT_POLICY": nil, "GOMP_SPINCOUNT": nil, "SYRINX_OPENMP_SET": nil])
        #if !canImport(Darwin)
            #expect(unset.output.contains("OMP_WAIT_POLICY=passive GOMP_SPINCOUNT=0"))
            let active = try SyrinxProcess.run(
                ["doctor", "--json"], environment: ["OMP_WAIT_POLICY": "active", "SYRINX_OPENMP_SET": nil])
            #expect(active.output.contains("OMP_WAIT_POLICY=active"))
            #expect(active.status == 1)
        #endif
    }

    @Test("the doctor's JSON holds every section, and its verdict is its status")
    func doctorJSON() throws {
        let result = try SyrinxProcess.run(["doctor", "--json"])
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        let report = try #require(object)
        let sections = try #require(report["sections"] as? [[String: Any]])
        #expect(
            sections.compactMap { $0["title"] as? String } == [
                "Engine", "Processor and threads", "Memory and disk", "Libraries", "Data",
            ])
        let findings = sections.flatMap { $0["findings"] as? [[String: Any]] ?? [] }
        #expect(!findings.isEmpty && findings.allSatisfy { !(($0["value"] as? String) ?? "").isEmpty })
        let problems = findings.filter { $0["state"] as? String == "problem" }
        #expect(problems.allSatisfy { $0["fix"] is String })
        #expect(report["ok"] as? Bool == problems.isEmpty)
        #expect(result.status == (problems.isEmpty ? 0 : 1))
    }

    @Test func `What is printed and does not arrive is a failure`() throws {
        let result = try SyrinxProcess.run(["recipe", "show", "mm1-demo"], fileSizeLimit: 512)
        #expect(result.status == 1)
        #expect(result.errors.hasPrefix("error: cannot write to standard output"), "\(result.errors)")
        #expect(try SyrinxProcess.run(["recipe", "show", "mm1-demo"]).status == 0)
    }
}
