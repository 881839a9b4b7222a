/// Scalars that Swift makes one character with what stands before them: a joiner, a variation selector, a skin tone, accents,
/// vowel signs of Devanagari and Thai; and at last one that joins what stands behind it.
enum CombiningScalars {
    static let all = [
        "\u{200D}", "\u{FE0F}", "\u{1F3FD}", "\u{301}", "\u{20E3}", "\u{93F}", "\u{E34}", "\u{600}",
    ]
}
