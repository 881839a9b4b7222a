import Corpora
import DataPipeline
import Media
import Testing

@Suite("Reading the starter corpus's sources")
struct ExtractionTests {
    @Test("The emoji list keeps groups and names, and leaves out skin tones and partial sequences")
    func emojiList() {
        let list = EmojiList(
            """
            # emoji-test.txt
            #
            # group: Food & Drink
            # subgroup: drink
            1F375      ; fully-qualified     # 🍵 E0.6 teacup without handle
            # group: People & Body
            1F44B      ; fully-qualified     # 👋 E0.6 waving hand
            1F44B 1F3FB ; fully-qualified    # 👋🏻 E1.0 waving hand: light skin tone
            263A       ; unqualified         # ☺ E0.6 smiling face
            # group: Component
            1F9B0      ; component           # 🦰 E11.0 red hair
            # group: Symbols
            0023 FE0F 20E3 ; fully-qualified # #️⃣ E0.6 keycap: #
            """)
        #expect(list.entries.map(\.name) == ["teacup without handle", "waving hand", "keycap: #"])
        #expect(list.entries.map(\.group) == ["food", "people", "symbols"])
        #expect(list.entries.last?.codePoints == [0x23, 0xFE0F, 0x20E3])
    }

    @Test("Annotations are found with and without a variation selector; the first file wins")
    func annotations() {
        var annotations = EmojiAnnotations()
        annotations.add(
            Array(
                """
                <?xml version="1.0"?><ldml><annotations>
                <annotation cp="☺">face | outlined | smile</annotation>
                <annotation cp="☺" type="tts">smiling face</annotation></annotations></ldml>
                """.utf8))
        annotations.add(Array("<ldml><annotation cp=\"☺\" type=\"tts\">other</annotation></ldml>".utf8))
        let found = annotations[[0x263A, 0xFE0F]]
        #expect(found?.name == "smiling face")
        #expect(found?.keywords == ["face", "outlined", "smile"])
        #expect(annotations[[0x1F600]] == nil)
    }

    private func svg(
        title: String, licence: String = "http://web.resource.org/cc/PublicDomain", body: String = ""
    ) -> [UInt8] {
        Array(
            """
            <svg xmlns="http://www.w3.org/2000/svg">\(body)<metadata><rdf:RDF><cc:Work rdf:about="">
            <dc:title>\(title)</dc:title><dc:creator><cc:Agent><dc:title>Gerald G.</dc:title></cc:Agent></dc:creator>
            <dc:subject><rdf:Bag><rdf:li>fruit</rdf:li><rdf:li>unsorted</rdf:li></rdf:Bag></dc:subject>
            <cc:license rdf:resource="\(licence)"/></cc:Work></rdf:RDF></metadata><path d="M0 0"/></svg>
            """.utf8)
    }

    @Test("Clip-art metadata is read from its fragment, whose prefixes are declared elsewhere")
    func clipart() throws {
        let fragment = try #require(ClipartMetadata.fragment(of: svg(title: "Apple Pie (B and W)")))
        let metadata = try #require(ClipartMetadata(fragment: fragment))
        #expect(metadata.title == "Apple Pie")
        #expect(metadata.keywords == ["fruit"])
        #expect(metadata.creator == "Gerald G.")
    }

    @Test("Clip art under another licence, without a title, or with a linked image is left out")
    func clipartRefused() throws {
        let gpl = try #require(
            ClipartMetadata.fragment(of: svg(title: "Pie", licence: "http://creativecommons.org/licenses/GPL/2.0/")))
        #expect(ClipartMetadata(fragment: gpl) == nil)
        let untitled = try #require(ClipartMetadata.fragment(of: svg(title: " ")))
        #expect(ClipartMetadata(fragment: untitled) == nil)
        let linked = "<image xlink:href=\"photos/me.png\"/>"
        #expect(ClipartMetadata.fragment(of: svg(title: "Pie", body: linked)) == nil)
        let embedded = "<image xlink:href=\"data:image/png;base64,AAAA\"/>"
        #expect(ClipartMetadata.fragment(of: svg(title: "Pie", body: embedded)) != nil)
        #expect(ClipartMetadata.fragment(of: Array("<svg></svg>".utf8)) == nil)
    }

    @Test(
        "A title of a collection is left out, a frequent one is kept where the file's name has its word",
        arguments: [
            ("gramastar", "shapes/star_5pt", 1, false), ("card", "recreation/ace", 1, false),
            ("Part of the Flat Icon Collection", "computer/key", 1, false), ("Apple Pie", "food/x01", 3, true),
            ("Scissors", "tools/scissors_02", 7, true), ("Stylized Yoga Person", "people/asana", 12, false),
        ])
    func clipartTitles(title: String, key: String, count: Int, isKept: Bool) throws {
        let fragment = try #require(ClipartMetadata.fragment(of: svg(title: title)))
        #expect(try #require(ClipartMetadata(fragment: fragment)).describes(key: key, sameTitleCount: count) == isKept)
    }

    @Test(
        "Clip art is grouped by folder; flags are named as the emoji are",
        arguments: [
            ("signs_and_symbols/flags/africa/x", "flags"), ("signs_and_symbols/led/x", "symbols"),
            ("special/patterns/x", "patterns"), ("special/x", nil), ("unsorted/x", nil), ("food/fruit/x", "food"),
        ])
    func clipartKinds(key: String, kind: String?) {
        #expect(ClipartMetadata.kind(ofKey: key) == kind)
    }

    @Test(
        "A flag's name is its country's after 'flag:'",
        arguments: [
            ("burkina faso", "flag: Burkina Faso"), ("Flag of Norway", "flag: Norway"),
            ("sao tome and principe", "flag: Sao Tome and Principe"),
            ("flag", "flag"),
        ])
    func flagNames(title: String, name: String) {
        #expect(ClipartMetadata.flagName(title) == name)
        #expect(Concept(name: name).key.hasPrefix("flag"))
    }

    @Test("White margins are cut to a sixteenth; what touches the border or is white all over stays")
    func margins() {
        let black = RGB.black
        var pixels = Image(width: 100, height: 60, filledWith: .white).pixels
        for y in 20..<30 { for x in 10..<42 { for channel in 0..<3 { pixels[(y * 100 + x) * 3 + channel] = 0 } } }
        let cut = Image(width: 100, height: 60, pixels: pixels).withoutMargins()
        #expect(cut.width == 34 && cut.height == 12)
        #expect(cut[0, 0] == .white && cut[1, 1] == black)
        let full = Image(width: 9, height: 9, filledWith: black)
        #expect(full.withoutMargins() == full)
        let white = Image(width: 9, height: 9, filledWith: .white)
        #expect(white.withoutMargins() == white)
    }

    @Test(
        "A stamp's name is its first sentence without article and full stop",
        arguments: [
            ("A crowned crane.", "crowned crane"), ("A “Granny Smith” apple.", "“Granny Smith” apple"),
            (
                "A Canadian dollar ($1.00) called a loonie. It’s named after a bird.",
                "Canadian dollar ($1.00) called a loonie"
            ),
            ("The sign for the letter H.", "sign for the letter H"), ("A", "A"),
        ])
    func stampNames(sentence: String, name: String) {
        #expect(TuxPaintSource.name(of: sentence) == name)
    }

    @Test("Furniture catalogues are read as ISO 8859-1 with escapes; entries without an icon are left out")
    func furniture() {
        let properties =
            Array(
                "# comment\nname=Catalogue\nname#1=Caf\\u00e9 table\ntags#1=Scopia, Double\ncategory#1=Kitchen\n".utf8)
            + Array("icon#1=/scopia/table.png\ncreator#1=Andr".utf8) + [0xE9]
            + Array("\nname#2=Broken\ncategory#2=Kitchen\n".utf8)
        let pieces = FurniturePiece.list(properties: properties)
        #expect(pieces.map(\.name) == ["Café table"])
        #expect(pieces.first?.icon == "scopia/table.png")
        #expect(pieces.first?.tags == ["Double"])
        #expect(pieces.first?.creator == "André")
    }

    @Test("A WordNet line gives its words and gloss; licence lines and broken counts give nothing")
    func wordNet() throws {
        let synset = try #require(
            WordNetSynset("00001930 03 n 02 physical_entity 0 thing 0 001 @ 00001740 n 0000 | an entity that exists  "))
        #expect(synset.sentence == "physical entity, thing: an entity that exists")
        #expect(synset.domain == "03")
        #expect(WordNetSynset("  1 This software and database is being provided") == nil)
        #expect(WordNetSynset("00001930 03 n ff entity 0 000 | too short") == nil)
    }

    @Test("A manual's page keeps text and images in order, without navigation and section numbers")
    func manualPage() throws {
        let html = """
            <html><head><title>no</title></head><body><div class="navheader"><img src="images/next.png"/>next</div>
            <h3>11.3. Cartoon</h3><p>Open a <acronym>URI</acronym> (an   address).</p>
            <div class="figure"><p>Figure A.20. Example</p><img src="images/taj.jpg" alt="x"/><p>Original &amp; image</p></div>
            <div class="toc"><p>contents</p></div></body></html>
            """
        let page = ManualPage(try #require(MarkupNode(parsing: Array(html.utf8), asHTML: true)))
        #expect(
            page.blocks == [
                .text("Cartoon"), .text("Open a URI (an address)."), .text("Example"), .image("images/taj.jpg"),
                .text("Original & image"),
            ])
    }

    @Test("Windows hold about the asked number of words and never more than six images")
    func windows() {
        let paragraph = ManualPage.Block.text(Array(repeating: "word", count: 50).joined(separator: " "))
        let blocks = Array(repeating: paragraph, count: 10) + (0..<14).map { .image("\($0).png") }
        let windows = ManualPage.windows(of: blocks)
        #expect(windows.map(\.wordCount) == [150, 150, 150, 50, 0, 0])
        #expect(windows.map(\.imageCount) == [0, 0, 0, 6, 6, 2])
        #expect(windows.flatMap(\.blocks) == blocks)
    }

    @Test(
        "Captions that differ in case, articles, digits, punctuation or persons are one concept",
        arguments: [("The Apple, 2", "apple"), ("woman artist", "Artist"), ("flag: Greece", "FLAG Greece")])
    func concepts(first: String, second: String) {
        let one = Concept(name: first, ignoresPersons: true)
        #expect(one == Concept(name: second, ignoresPersons: true))
        #expect((0..<20).contains(one.bucket))
    }

    @Test("A caption made only of person words keeps them")
    func personConcepts() {
        #expect(Concept(name: "woman", ignoresPersons: true).key == "woman")
        #expect(Concept(name: "man", ignoresPersons: true) != Concept(name: "woman", ignoresPersons: true))
    }
}
