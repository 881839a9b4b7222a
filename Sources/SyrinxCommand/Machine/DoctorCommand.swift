import ArgumentParser
import Foundation
import Terminal

/// `syrinx doctor`: what was found on this machine, and the exact fix for what is missing.
struct DoctorCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Show what Syrinx finds on this machine and how to fix what is missing.",
        discussion: """
            Checks libtorch and its devices, the processor, memory, disk space and the system libraries. Exits with 0 if \
            all is well and with 1 if something needs fixing. If this command does not start because a library is missing, \
            scripts/setup --check names it.
            """)

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let report = DoctorReport.examine()
        print(json ? try report.json() : report.text(style: .standardOutput))
        if report.needsFixing { throw ExitCode(ExitStatus.failure) }
    }
}

/// One thing that the doctor looked at.
struct DoctorFinding: Codable, Equatable {
    enum State: String, Codable {
        /// As it should be.
        case good
        /// Works, but something better is possible or a feature is absent.
        case note
        /// Has to be fixed.
        case problem
    }

    /// What was looked at, such as `libtorch`; unique within a report.
    var name: String
    var state: State
    /// What was found, in a few words.
    var value: String
    /// What to do; nil where nothing needs doing.
    var fix: String?

    static func good(_ name: String, _ value: String) -> Self { Self(name: name, state: .good, value: value) }
    static func note(_ name: String, _ value: String, fix: String? = nil) -> Self {
        Self(name: name, state: .note, value: value, fix: fix)
    }
    static func problem(_ name: String, _ value: String, fix: String) -> Self {
        Self(name: name, state: .problem, value: value, fix: fix)
    }
}

/// All findings, by subject.
struct DoctorReport: Codable {
    struct Section: Codable {
        var title: String
        var findings: [DoctorFinding]
    }

    var version: String
    var sections: [Section]

    /// True when at least one finding is a problem.
    var needsFixing: Bool { sections.contains { $0.findings.contains { $0.state == .problem } } }

    /// Looks at everything.
    static func examine() -> DoctorReport {
        DoctorReport(
            version: SyrinxCommand.configuration.version,
            sections: [
                Section(title: "Engine", findings: DoctorExamination.engine()),
                Section(title: "Processor and threads", findings: DoctorExamination.processor()),
                Section(title: "Memory and disk", findings: DoctorExamination.space()),
                Section(title: "Libraries", findings: DoctorExamination.libraries()),
                Section(title: "Data", findings: DoctorExamination.data()),
            ])
    }

    /// The report for a program to read: keys in alphabetic order.
    func json() throws -> String {
        struct Output: Encodable {
            var ok: Bool
            var version: String
            var sections: [Section]
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        let output = Output(ok: !needsFixing, version: version, sections: sections)
        return String(decoding: try encoder.encode(output), as: UTF8.self)
    }

    /// The report for a reader.
    func text(style: TerminalStyle) -> String {
        let width = sections.flatMap(\.findings).map(\.name.count).max() ?? 0
        var lines = [style.bold("syrinx \(version)")]
        for section in sections {
            lines += ["", style.bold(section.title)]
            for finding in section.findings {
                let name = finding.name + String(repeating: " ", count: width - finding.name.count)
                lines.append("  \(mark(finding.state, style: style)) \(name)  \(finding.value)")
                if let fix = finding.fix {
                    lines.append("    \(String(repeating: " ", count: width))  \(style.paint("-> " + fix, .yellow))")
                }
            }
        }
        let problems = sections.flatMap(\.findings).filter { $0.state == .problem }.count
        lines += [
            "", problems == 0 ? "All is well." : "\(problems) thing\(problems == 1 ? "" : "s") to fix, marked with x.",
        ]
        return lines.joined(separator: "\n")
    }

    private func mark(_ state: DoctorFinding.State, style: TerminalStyle) -> String {
        switch state {
        case .good: style.paint("+", .green)
        case .note: style.paint("-", .grey)
        case .problem: style.paint("x", .red)
        }
    }
}
