module githost.example.com/githost

go 1.24
