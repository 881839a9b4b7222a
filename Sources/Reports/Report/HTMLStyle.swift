/// The report's style sheet and the escaping of text: no scripts, no fonts or files from elsewhere.
enum HTMLStyle {
    /// Number of line colours; further sources start again from the first.
    static let colourCount = 8

    /// CSS for light and dark (`prefers-color-scheme`) and for paper. Line colours are Okabe and Ito's, which
    /// readers with colour-vision deficiencies can tell apart, lightened for dark pages.
    static let sheet = """
        :root { color-scheme: light dark; --page: #fdfdfb; --ink: #1c1c1a; --soft: #66665f; --rule: #d9d8d0;
          --card: #f4f3ee; --good: #1a7f4b; --bad: #b3261e;
          --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #a8468c; --c4: #8a6d00; --c5: #2f7f9e; --c6: #6b4fbb; --c7: #555; }
        @media (prefers-color-scheme: dark) { :root { --page: #161715; --ink: #e8e7e1; --soft: #a3a299;
          --rule: #3a3b36; --card: #20211e; --good: #5ccb90; --bad: #ff8a80;
          --c0: #58b4ec; --c1: #ff9a52; --c2: #3fd2a5; --c3: #e38fca; --c4: #e6c34a; --c5: #86cfe6; --c6: #b3a0f2; --c7: #bbb; } }
        * { box-sizing: border-box; }
        body { margin: 0 auto; padding: 2rem 1.2rem 4rem; max-width: 62rem; background: var(--page); color: var(--ink);
          font: 16px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif; }
        h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .4rem; } h2 { font-size: 1.15rem; margin: 2.2rem 0 .6rem; }
        p { max-width: 46rem; } .soft, figcaption, .tick { color: var(--soft); }
        code, pre { font: 13px/1.45 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace; }
        pre { background: var(--card); border: 1px solid var(--rule); border-radius: 6px; padding: .8rem; overflow-x: auto; }
        .scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
        th, td { text-align: left; padding: .28rem .9rem .28rem 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
        td.number, th.number { text-align: right; } tr.control td { color: var(--soft); border-bottom-style: dotted; }
        tr.control td:first-child { padding-left: 1.2rem; } .good { color: var(--good); } .bad { color: var(--bad); }
        .chart { width: 100%; height: auto; background: var(--card); border: 1px solid var(--rule); border-radius: 6px; }
        .grid { stroke: var(--rule); stroke-width: 1; } .tick { font-size: 11px; fill: var(--soft); }
        .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; } .dashed { stroke-dasharray: 4 3; opacity: .55; }
        .name { font-size: 12px; }
        \(lineColours)
        .gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(13.5rem, 1fr)); gap: .9rem; }
        figure { margin: 0; padding: .7rem; background: var(--card); border: 1px solid var(--rule); border-radius: 6px; }
        figure img { display: block; width: 8rem; height: 8rem; object-fit: contain; background: #fff; margin: 0 auto .6rem;
          border-radius: 4px; }
        figure dl { margin: 0; font-size: .86rem; line-height: 1.35; } figure dt { color: var(--soft); font-size: .74rem; }
        figure dd { margin: 0 0 .45rem; overflow-wrap: anywhere; white-space: pre-line; } figcaption { font-size: .74rem; overflow-wrap: anywhere; }
        @media print { body { max-width: none; } figure { break-inside: avoid; } }
        """

    private static let lineColours = (0..<colourCount)
        .map { ".line.c\($0) { stroke: var(--c\($0)); } .name.c\($0), .dot.c\($0) { fill: var(--c\($0)); }" }
        .joined(separator: "\n")
}

/// `text` with the five characters that mean something to HTML and SVG replaced.
package func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    // Scalar by scalar: HTML reads "<" before an accent as "<".
    for scalar in text.unicodeScalars {
        switch scalar {
        case "&": result += "&amp;"
        case "<": result += "&lt;"
        case ">": result += "&gt;"
        case "\"": result += "&quot;"
        case "'": result += "&#39;"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
