"""Texts that must not be quoted, and texts that look like them and may be. None is in use."""

SECRETS = (
    # Passwords with labels.
    "Password: hunter2", "password hunter2", "PASSWORD = correct horse battery", "Passw0rd: abc", "Passwort: Sommer",
    "Mot de passe : soleil", "Contraseña: luna", "Password is swordfish", "WiFi password: guest-2024", "Pass: x1y2",
    "PIN: 4821", "PIN 4821", "P1N: 4821", "Your PIN is 0000", "PIN Code 9137", "PUK: 12345678", "CVV 123",
    "Token: abcdef", "secret=s3cr3t", "Secret: hunter2", "API key: demo", "api_key=12ab", "API-Key 7f3a9", "密码：12345",
    "Client secret: xyz", "Verification code: 482913", "OTP 552 019", "Your security code is 918273",
    "Recovery code: apple", "Passphrase: open sesame now", "Access key = AB12", "Kennwort: Geheim", "senha: gato123",
    "Network key: tulip-field", "Wi-Fi: Sunshine99",
    # Passwords without.
    "Tr0ub4dor&3", "xK9#mP2$vL", "P4ssw0rd", "aB3$kk9!Qz", "use G7h#kL29z here",
    # Keys and tokens.
    "sk-proj-abc123def456ghi789", "sk_live_4eC39HqLyjWDarjtT1", "AKIAIOSFODNN7EXAMPLE", "ghp_16C7e42F292c6912E7710c838",
    "ghp _ 16C7e42F292c6912E7", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", "xoxb-123456789012-abcdef", "AIzaSyD-9tSrke72PouQMnMX",
    "glpat-ABCdef123456789", "hf_abcdefghijklmnop", "d41d8cd98f00b204e9800998ecf8427e", "0x71C7656EC7ab88b098defB751B",
    "9f86 d081 884c 7d65 9a2f", "550e8400-e29b-41d4-a716-446655440000", "-----BEGIN RSA PRIVATE KEY-----",
    "-- BEGIN PRIVATE KEY --", "ssh-rsa AAAAB3NzaC1yc2E", "wJalrXUtnFEMI/K7MDENG/bPxRfiCY", "X7K2-99QF-M3RT-0PLA",
    "a1b2-c3d4", "NPPR9-FWDCX-D2C8J-H872K-2YT43", "bc1qar0srrr7xfkvy5l643lydnw9re59g",
    "https://example.com/?access_token=abc", "https://bob:pw@example.com/", "1BvBMSEYstWetqTFn5Au4m4GFg7x",
    "legal winner thank year wave sausage worth useful legal winner thank yellow",
    # Cards.
    "4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "4111 1111 1111 1112", "3782 822463 10005",
    "5500 O000 0000 0004", "4lll llll 1111 1111", "Visa 4111 1111 1111 1111 exp 12/27", "**** **** **** 4242",
    "XXXX XXXX XXXX 1881", "6011000990139424", "4111.1111.1111.1111",
    # Accounts and persons.
    "DE89 3704 0044 0532 0130 00", "IBAN GB29NWBK60161331926819", "FR1420041010050500013M02606", "IBAN: DE8937O4O044",
    "Account No. 12345678", "Konto 532013000", "Sort code 20-45-77", "20-45-77", "Routing 021000021", "BIC: 12AB34CD",
    "078-05-1120", "SSN 078 05 1120", "AB 12 34 56 C", "1 84 12 76 451 089 46", "12345678Z", "RSSMRA85T10A562S",
    "Passport No. X1234567", "C01X00T478", "P<UTOERIKSSON<<ANNA<MARIA<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
    "2345 6789 0123", "Steuernummer 12/345/67890", "VAT No. GB123456789", "123.456.789-09",
    # Mail and telephone.
    "jane.doe@example.com", "jane.doe @ example . com", "jane (at) example.com", "jane[at]example[dot]org",
    "jane at example dot com", "Contact: info@shop.co.uk", "jane.doe©example.com", "JANE@EXAMPLE.COM", "janedoe@gmailcom",
    "jane.doegmail.com", "+44 20 7946 0958", "+1 (212) 555-0147", "+49 30 901820", "Tel: 020 7946 0958", "Phone 555-0123",
    "Tel. 0171 2345678", "(212) 555-0147", "212-555-0147", "1-800-555-0199", "01 23 45 67 89", "01.23.45.67.89",
    "Call us 555 0147", "0049 30 901820", "020 7946 0958", "+442079460958", "Whatsapp +34 612 345 678", "030/901820",
    "Mob 07700 900123", "212 555 0147", "+ 44 2O 7946 O958", "03-1234-5678", "09876543210",
)  # fmt: skip

HARMLESS = (
    "2024", "1999-2024", "1914–1918", "2018 2019 2020 2021", "2015 2016 2017 2018 2019", "12.07.2019", "12/07/2019",
    "2019-07-12", "31-12-24", "4 July 1776", "Copyright © 2024 Example", "© Example.com", "20150405", "playtest-20150405",
    "$19.99", "€1,299.00", "1.299,00 €", "NT$ 844", "Only 9.99!", "FLAT 30% OFF", "Save 50%", "1,234,567", "138,357,544",
    "Total params: 138,357,544", "12:30", "10:00 - 18:00", "Mon-Fri 9:00-17:00", "v2.10.3", "Python 3.11", "1.0.0-beta.2",
    "ISBN 978-0-13-110362-7", "ISBN 0-306-40615-2", "978-3-16-148410-0", "9780131103627", "192.168.0.1", "1920x1080",
    "0.008 0.009 0.010 0.011", "0 20 40 60 80 100", "1000 2000 3000 4000", "100 200 300 400 500 600", "1.4563", "92.996",
    "person 65.70", "101 °F", "07/08", "MARCH 22", "Page 12 of 300", "Chapter 7", "No. 42", "Route 66", "Boeing 747-400",
    "221B Baker Street", "1600 Pennsylvania Avenue", "10115 Berlin", "London SW1A 1AA", "Room 404", "Gate B12",
    "www.example.com", "https://example.com", "example.com/shop", "https://example.com/2024/05/summer-sale", "@openra",
    "@jane.doe", "#summer2024", "Crafterina_by_melow", "okinawafamilynotes.com", "IMG_20190405_123456.jpg",
    "C:\\tmp\\myremoteng.xml", "InstanceResource", "renewLease", "H2O", "C6H12O6", "COVID-19", "MP3 and MP4", "iPhone 15",
    "Type the Password to Unlock", "Forgot password?", "Password", "Secret Garden", "The Secret", "Secret Santa",
    "Pin it", "Pin your ideas", "Token economy", "Keep it secret", "Password Manager", "API Key", "Pass the salt",
    "boarding pass", "Telephone", "Phone cases", "Call us", "Tel Aviv", "Cell division", "Account settings",
    "Passport control", "Card games", "EVERYTHING LIZ DOES IS CUTE", "You: Stop talking like that", "Use code SAVE20",
    "Olympics 2012-2016", "World Cup 2006 2010 2014 2018", "Nginx redis MQ", "5 + 7 = 12", "Fig. 3", "Vol. 12 No. 3",
    "沖繩親子旅遊筆記 03 / 08", "Happy Birthday My Sweetheart January", "3 for 2", "24/7", "1:100", "90%", "4K UHD",
    "St. Mary's Church, est. 1874", "The quick brown fox jumps over the lazy dog", "Symphony No. 9 in D minor, Op. 125",
    "one two three four five six seven eight nine ten eleven and twelve", "BMW M3", "Windows 11", "Season 2 Episode 10",
    "Lunch @ noon", "PM2.5", "Top 10", "1st 2nd 3rd 4th", "A4 210 x 297 mm", "3.14159265", "10 000 000", "Tokens: 3 left",
    "Best before 12.2025", "Area 51", "50-60 Hz", "Ages 6-12", "Population 8 500 000", "RTX 4090", "ISO 9001:2015",
    "h264", "1280x720p60", "Top secret", "Level 99", "007", "Agent 007", "Bus 123", "A1 B2 C3", "Catch-22", "5-4-3-2-1",
)  # fmt: skip
